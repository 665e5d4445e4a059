import { describe, expect, test } from "vitest";
import { CliError } from "../../../cli/errors.ts";
import { followAll, newApps } from "../../../cli/logs/joining-apps.ts";

const failure = (passing: boolean) => new CliError("no", "", { passing });

describe("apps that come to be", () => {
  test("are told once each, over lists that cannot be had, until one is refused", async () => {
    const lists = [["a"], failure(true), ["a", "b"], ["b", "c", "a"], failure(false)];
    const list = async () => {
      const next = lists.shift()!;
      if (next instanceof CliError) throw next;
      return next;
    };
    const joined: string[] = [];
    const telling = (async () => {
      for await (const app of newApps(list, ["a"], async () => {})) joined.push(app);
    })();
    await expect(telling).rejects.toThrow("no");
    expect(joined).toEqual(["b", "c"]);
  });
});

describe("following several apps", () => {
  test("goes on with the others when one fails, and fails when none is left", async () => {
    const failed: string[] = [];
    const followed: string[] = [];
    async function* joining() {
      yield "c";
    }
    const following = followAll({
      apps: ["a", "b"],
      follow: async (app) => {
        if (app === "a") throw failure(false);
        followed.push(app);
      },
      joining: joining(),
      join: async (app) => void followed.push(`new ${app}`),
      failed: (app) => failed.push(app),
    });
    await expect(following).rejects.toThrow("no");
    expect({ failed, followed }).toEqual({ failed: ["a"], followed: ["b", "new c"] });
  });
});
