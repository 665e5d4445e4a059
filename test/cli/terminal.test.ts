/** What reaches a real terminal. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { eventStream, FakeTailrace, json } from "../support/fake-tailrace.ts";
import { runInTerminal } from "../support/terminal.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["blog"]);
});
afterEach(() => server.close());

const esc = "\u001b";
const head = "2024-05-01T10:00:00.123456+00:00 app[web.1]:";
/** Clears the screen, sets the title, forges a router line, colours a word. */
const hostile =
  `evil ${esc}[2J${esc}[1;1H${esc}]0;owned\u0007 \u009b2K\u202e\u0085` +
  `2024-05-01T10:00:00.123456+00:00 heroku[router]: at=info ${esc}[31mred${esc}[0m ${esc}[4mopen`;
const written =
  "evil \\u001b[2J\\u001b[1;1H\\u001b]0;owned\\u0007 \\u009b2K\\u202e\\u0085" +
  "2024-05-01T10:00:00.123456+00:00 heroku[router]: at=info ";
const onTerminal = (line: string, env: Record<string, string> = {}) =>
  runInTerminal(line, cliEnvironment(server, env));

const entry = (message: string) =>
  JSON.stringify({
    position: "1.1",
    time: "2024-05-01T10:00:00.123456+00:00",
    source: "app",
    dyno: "web.1",
    severity: "info",
    message,
  });

describe("the log on a terminal", () => {
  beforeEach(() => {
    server.streams = [eventStream([["1.1", entry(hostile)]])];
  });
  const bare = "--no-wrap --time none";

  test("has the app's colours and ours; every other control is written out", async () => {
    const { status, text } = await onTerminal(`stty cols 400; tailrace logs -a blog ${bare}`);
    expect({ status, text }).toEqual({
      status: 0,
      text: `${esc}[36mweb.1${esc}[39m ${esc}[2m|${esc}[22m ${written}${esc}[31mred${esc}[0m ${esc}[4mopen${esc}[0m\n`,
    });
  });

  test.each([
    ["--no-color", `tailrace logs -a blog ${bare} --no-color`, {}],
    ["NO_COLOR", `tailrace logs -a blog ${bare}`, { NO_COLOR: "1" }],
    ["a terminal that has none", `tailrace logs -a blog ${bare}`, { TERM: "dumb" }],
  ])("has no colours at all with %s", async (_, line, env) => {
    expect((await onTerminal(`stty cols 400; ${line}`, env)).text).toBe(`web.1 | ${written}red open\n`);
  });

  test("with --long is Heroku's, and harmless", async () => {
    server.streams = [eventStream([["1.1", `${head} ${hostile}`]])];
    expect((await onTerminal("tailrace logs -a blog --long")).text).toBe(
      `${esc}[36m${head}${esc}[39m ${written}${esc}[31mred${esc}[0m ${esc}[4mopen${esc}[0m\n`,
    );
    expect(server.sessions[0]).toMatchObject({ format: "text" });
  });

  test("through a pipe is as the app wrote it", async () => {
    server.streams = [eventStream([["1.1", `${head} ${hostile}`]])];
    expect((await runCli(["logs", "-a", "blog"], cliEnvironment(server))).stdout).toBe(
      `${head} ${hostile}\n`,
    );
    expect(server.sessions[0]).toMatchObject({ format: "text" });
  });

  test("as JSON is the same JSON", async () => {
    const { text } = await onTerminal("tailrace logs -a blog --json");
    expect(JSON.parse(text)).toMatchObject({ message: hostile });
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

test("a search shows how far it is, and takes that away before the lines", async () => {
  const since = new Date(2026, 10, 21, 10).toISOString();
  const searched = (lines: number, matches: number, end: string | null) =>
    ["", JSON.stringify({ lines, since, matches, end }), "searched"] as const;
  server.streams = [
    eventStream([searched(52_000, 1, null), searched(90_000, 1, "all"), ["1.1", `${head} x`]]),
  ];
  const line = "tailrace logs -a blog --match x --no-color --long";
  const { text } = await onTerminal(line);
  expect(text.split("\r")).toEqual([
    "",
    `${esc}[Kblog: searched 52,000 lines since 21 Nov 2026 10:00; 1 found`,
    `${esc}[K${head} x\n`,
  ]);
  server.streams = [
    eventStream([searched(52_000, 1, null), searched(90_000, 1, "all"), ["1.1", `${head} x`]]),
  ];
  expect(await runCli(line.split(" ").slice(1), cliEnvironment(server))).toEqual({
    status: 0,
    stdout: `${head} x\n`,
    stderr: "",
  });
});

describe("everything else on a terminal", () => {
  const bad = `${esc}]0;owned\u0007\u009b2J\r${esc}[31m`;
  const harmless = /^[\t\n\x20-\x7e]*$/;

  test("names, addresses and words of the server drive nothing", async () => {
    const drain = { id: bad, token: `d.${bad}`, url: `https://h/${bad}\nd.forged  idle`, state: bad };
    server.routes.set("GET /apps", json(200, [{ id: "1", name: `shop${bad}` }]));
    server.routes.set("GET /apps/blog/log-drains", json(200, [drain]));
    server.routes.set("GET /apps/blog/log-drains/d", json(200, { ...drain, last_error: bad }));
    server.routes.set("GET /v3/channels/blog/tokens", json(200, [{ name: bad, token: bad }]));
    server.routes.set(
      "GET /oauth/authorizations",
      json(200, [{ id: bad, description: bad, created_at: bad }]),
    );
    for (const command of ["apps", "drains -a blog", "drains:info d -a blog", "tokens -a blog", "keys"]) {
      const { text } = await onTerminal(`tailrace ${command} --json; tailrace ${command}`, { NO_COLOR: "1" });
      expect({ command, text }).toEqual({ command, text: expect.stringMatching(harmless) });
      expect(text).toContain("\\u0007");
      expect(text).not.toMatch(/^d\.forged/m);
    }
  });

  test("neither does an error, whoever words it", async () => {
    server.routes.set("GET /apps", json(503, { message: `sorry ${bad}\ntailrace: forged` }));
    const { status, text } = await onTerminal(
      `tailrace apps; tailrace $(printf '%b' '\\033c') || tailrace -\u009b`,
    );
    expect(status).toBe(2);
    expect(text).toMatch(harmless);
    expect(text).not.toMatch(/^tailrace: forged/m);
    expect(text).toContain("\\u001bc");
  });
});
