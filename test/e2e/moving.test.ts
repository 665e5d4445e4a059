/** An app's log moves from one server to another through a drain, as docs/moving.md says. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tailrace as at } from "../support/sender-world.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let before: TestServer;
let behind: TestServer;
beforeAll(async () => {
  [before, behind] = await Promise.all([TestServer.start(), TestServer.start()]);
});
afterAll(() => Promise.all([before.destroy(), behind.destroy()]));

const raw = async (server: TestServer): Promise<string[]> => {
  const { stdout } = await at(server, ["logs", "-a", "shop", "-n", "100", "--raw"]);
  return stdout.split("\n").filter((line) => line !== "" && !line.includes("This is a test line"));
};

test("what is kept and what comes, with its time, source, process and structured data", async () => {
  const { tokens } = await before.createApp("shop");
  const post = async (frame: string) => {
    const { status } = await fetch(`${before.url}/logs`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokens.app}`, "content-type": "application/logplex-1" },
      body: `${Buffer.byteLength(frame)} ${frame}`,
    });
    expect(status).toBe(204);
  };
  const time = new Date(Date.now() - 60_000).toISOString();
  await post(`<131>1 ${time} box app web.1 - kept é`);
  await behind.createApp("shop");
  const made = await at(behind, ["tokens:create", "-a", "shop", "moved", "--keep-source"]);
  const url = /http\S+/.exec(made.stdout)![0];
  const added = await at(before, ["drains:add", url, "-a", "shop", "--since", "7d", "--format", "rfc5424"]);
  expect(added.stdout).toContain("took a test line");
  await post(`<14>1 ${time} box app web.2 id [x@1 a="b"] came`);
  await until(async () => (await raw(behind)).length === 2);
  expect(await raw(behind)).toEqual(await raw(before));
});
