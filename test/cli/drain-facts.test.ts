/** What `drains:info` says to eyes: the ledger, the next attempt, and rows that fit. */
import { expect, test } from "vitest";
import type { Drain } from "../../cli/api/api-types.ts";
import { factsOf, replayWords } from "../../cli/drain-words.ts";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";
import { runInTerminal } from "../support/terminal.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
const cause =
  "https://logs.example.com/in refused the connection: start the receiver, or change the URL of this drain";
const drain: Drain = {
  id: "1",
  token: "d.1",
  url: "https://logs.example.com/in",
  created_at: "2026-01-01T00:00:00Z",
  state: "retrying",
  last_error: { at: "2026-01-01T00:00:00Z", message: cause },
  lag_lines: 20,
  delivered: 1_000,
  refused: 0,
  lost: 0,
  filtered: 3,
};
const factOf = (name: string, more: Partial<Drain> = {}) =>
  new Map(factsOf({ ...drain, ...more }, nowMs)).get(name);

test.each([
  [1, "1 line, 5 s"],
  [52_001, "52,001 lines, 5 s"],
])("a lag of %i is %s", (lag_lines, words) => {
  expect(factOf("lag", { lag_lines, lag_seconds: 5 })).toBe(words);
});

test("a replay is told with the number of its lines, and with the filter that they go through", () => {
  const asked = { since: "2026-01-01T00:00:00Z", state: "waiting", left: 0, sent: 0 };
  const words = (lines: number | undefined, more: object = {}) =>
    replayWords("d.1", "10m", { ...more, ...(lines !== undefined && { replay: { ...asked, lines } }) });
  expect(words(1_234)).toBe("Drain d.1 gets 1,234 lines since 10m once more");
  expect(words(1, { filter: { dynos: [] } })).toBe("Drain d.1 gets 1 line since 10m once more");
  expect(words(20, { filter: { match: "x" } })).toBe(
    "Drain d.1 gets what passes its filter of 20 lines since 10m once more",
  );
  expect(words(0)).toContain("no lines since 10m");
  expect(words(undefined)).toBe("Drain d.1 gets the lines since 10m once more");
});

test("how far a replay is, and since when the drain is well", () => {
  const replay = { since: "2026-01-01T00:00:00Z", state: "sending", lines: 1_000, left: 600, sent: 390 };
  expect(factOf("replay", { replay })).toBe("1,000 lines since 2026-01-01T00:00:00Z: 390 sent, 600 left");
  expect(factOf("replay", { replay: { ...replay, state: "done", left: 0 } })).toMatch(
    /390 sent, 0 left, done$/,
  );
  expect(factOf("replay", { replay: { ...replay, state: "waiting" } })).toMatch(/left, not begun yet$/);
  expect(factOf("replay", { replay: null })).toBeUndefined();
  expect(factOf("well since", { well_since: "2026-01-01T00:00:00Z" })).toBe("2026-01-01T00:00:00Z");
  expect(factOf("well since", { well_since: null })).toBeUndefined();
});

test("the ledger adds up, and says whether anything is lost", () => {
  const sum = "1,023 accepted = 1,000 delivered + 20 waiting + 0 refused + 0 lost + 3 filtered";
  expect(factOf("ledger")).toBe(`${sum}; nothing is lost`);
  expect(factOf("ledger", { lost: 1 })).toMatch(/^1,024 accepted .* \+ 1 lost \+ 3 filtered$/);
  expect(factOf("ledger", { refused: 1 })).not.toContain("nothing");
  expect(factOf("delivered")).toBeUndefined();
});

test.each([
  ["2026-01-01T00:00:18.200Z", "in 19 s"],
  ["2026-01-01T00:03:00.000Z", "in 3 min"],
  ["2025-12-31T23:59:59.000Z", "now, in its turn"],
])("the next attempt at %s is %s", (next, words) => {
  expect(factOf("next attempt", { next_attempt_at: next })).toBe(words);
});

test("facts fit the terminal, which alone has colours", async () => {
  const server = await FakeTailrace.open(["blog"]);
  server.routes.set("GET /apps/blog/log-drains/d.1", json(200, drain));
  const onTerminal = await runInTerminal(
    "stty cols 50; tailrace drains:info d.1 -a blog",
    cliEnvironment(server),
  );
  const piped = await runCli(["drains:info", "d.1", "-a", "blog"], cliEnvironment(server));
  await server.close();
  expect(onTerminal.text).toContain("\u001b[31mretrying\u001b[39m");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken away
  const rows = onTerminal.text.replace(/\u001b\[\d*m/g, "").split("\n");
  for (const row of rows) expect(row.trimEnd().length).toBeLessThanOrEqual(50);
  const shown = rows.map((row) => row.trim()).join(" ");
  expect(shown).toContain(cause);
  expect(shown.split("start the receiver")).toHaveLength(2);
  expect(piped.stdout).toContain(`${cause}\n`);
  expect(piped.stdout).not.toContain("\u001b");
});

test("the list says why a drain does not deliver, or will not: its lines' last error, else its last test", async () => {
  const test = {
    at: "2026-01-01T00:00:01Z",
    kind: "retry",
    reason: "HOST refused the connection",
    expiring: null,
  };
  const idle = { ...drain, state: "idle", last_error: null, last_test: test, lag_lines: 0 };
  const server = await FakeTailrace.open(["blog"]);
  server.routes.set(
    "GET /apps/blog/log-drains",
    json(200, [
      { ...drain, last_test: test },
      { ...idle, token: "d.2" },
      { ...idle, token: "d.3", delivered_at: "2026-01-01T00:00:01Z" },
      { ...idle, token: "d.4", last_test: { ...test, kind: "delivered" } },
    ]),
  );
  const { stdout, stderr } = await runCli(["drains", "-a", "blog"], cliEnvironment(server));
  await server.close();
  const states = stdout.split("\n").slice(1, -1);
  expect(states.map((row) => row.split(/ {2,}/).slice(0, 2))).toEqual([
    ["d.1", "retrying"],
    ["d.2", "idle, test failed"],
    ["d.3", "idle"],
    ["d.4", "idle"],
  ]);
  expect(stderr).toBe(
    `d.1 retries: ${cause}\nd.2 did not take its last test line: HOST refused the connection\n`,
  );
  expect(factOf("state", { ...idle, token: "d.2" })).toBe("idle, test failed");
});
