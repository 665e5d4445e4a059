/** Names that there are not: which there are, and which was meant. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nameLike } from "../../cli/likeness.ts";
import { namesListedMax, unknownProcesses } from "../../cli/logs/processes.ts";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { eventStream, FakeTailrace, json } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop", "blog"]);
});
afterEach(() => server.close());
const tailrace = (...args: string[]) => runCli(args, cliEnvironment(server));

const histogram = "GET /apps/shop/log-histogram";
const answer = { dynos: ["worker.1", "web.2", "web.1"], complete: true };

describe("a process that no line has", () => {
  test.each([
    ["wbe", "No line of shop is of a process wbe. Did you mean web? There are web.1, web.2, worker.1.\n"],
    [
      "web.3",
      "No line of shop is of a process web.3. Did you mean web.1? There are web.1, web.2, worker.1.\n",
    ],
    ["web", ""],
    ["w*1", ""],
    [
      "heroku",
      "No line of shop is of a process heroku. heroku is a source: --source heroku finds its lines. There are web.1, web.2, worker.1.\n",
    ],
  ])("--dyno %s", async (dyno, said) => {
    server.routes.set(histogram, json(200, answer));
    server.streams = [eventStream([])];
    const { status, stderr } = await tailrace("logs", "-a", "shop", "--dyno", dyno);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `No line of shop matches.\n${said}` });
  });

  test("is not looked for when lines were found, or no process was named", async () => {
    server.streams = [eventStream([["1.1", "x"]]), eventStream([])];
    await tailrace("logs", "-a", "shop", "--dyno", "web");
    await tailrace("logs", "-a", "shop", "--match", "x");
    expect(server.calls).not.toContain(histogram);
  });

  test("is no trouble when the server cannot tell", async () => {
    server.routes.set(histogram, json(503, { message: "Not now." }));
    server.streams = [eventStream([])];
    const { status, stderr } = await tailrace("logs", "-a", "shop", "--dyno", "wbe");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "No line of shop matches.\n" });
  });

  test("of many processes some are told", () => {
    const names = Array.from({ length: 200 }, (_, i) => `web.${i}`);
    const said = unknownProcesses("shop", "clock", { names, isWhole: false })!;
    expect(said.match(/web\.\d+/g)).toHaveLength(namesListedMax);
    expect(said).toMatch(/^None of the newest lines of shop .* and 188 more\.$/);
  });
});

describe("a source that no token has", () => {
  const at = "GET /v3/channels/shop/tokens";
  const said = async (source: string, tokens: object[] | undefined) => {
    server.routes.set(histogram, json(200, answer));
    server.routes.set(at, tokens === undefined ? json(403, { message: "No." }) : json(200, tokens));
    server.streams = [eventStream([])];
    const { status, stderr } = await tailrace("logs", "-a", "shop", "--source", source);
    expect(status).toBe(0);
    return stderr.replace("No line of shop matches.\n", "");
  };
  const nightly = { token: "t.1", name: "nightly" };

  test.each([
    [
      "nigthly",
      "No token of shop is of a source nigthly. Did you mean nightly? There are app, heroku, nightly.\n",
    ],
    ["else", "No token of shop is of a source else. There are app, heroku, nightly.\n"],
    [
      "web",
      "No token of shop is of a source web. web is a process: --dyno web finds its lines. There are app, heroku, nightly.\n",
    ],
    ["nightly", ""],
    ["heroku", ""],
  ])("--source %s", async (source, words) => {
    expect(await said(source, [nightly])).toBe(words);
  });

  test("is not looked for where senders name their sources, and for a key that may not see tokens", async () => {
    expect(await said("else", [nightly, { ...nightly, keep_source: true }])).toBe("");
    expect(await said("else", undefined)).toBe("");
  });
});

describe("an app that there is not", () => {
  const meant =
    'tailrace: There is no app shpo.\nDid you mean shop? "tailrace apps" lists the apps that this key may see.\n';
  const unknown =
    'tailrace: Couldn\'t find that app.\n"tailrace apps" lists the apps that this key may see.\n';

  test.each([
    ["logs -a shpo", meant],
    ["tokens -a shpo", meant],
    ["logs -a else", unknown],
    // A name is no hint at what to destroy.
    ["apps:destroy shpo --confirm shpo", unknown],
    ["apps:destroy shpo", meant], // nothing is destroyed without --confirm
  ])("%s", async (line, stderr) => {
    expect(await tailrace(...line.split(" "))).toEqual({ status: 1, stdout: "", stderr });
  });
});

test("names that are too long, and too many, are not compared", () => {
  expect(nameLike("a".repeat(101), ["a".repeat(100)])).toBeUndefined();
  expect(nameLike("a".repeat(100), ["a".repeat(101)])).toBeUndefined();
  const many = Array.from({ length: 2_000 }, (_, i) => `other-name-${i}`);
  expect(nameLike("shpo", [...many, "shop"])).toBeUndefined();
  expect(nameLike("shpo", ["ship", "shop"])).toBe("shop");
});
