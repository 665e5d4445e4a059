/** Drains as the page tells of them: the ledger's bar, causes and mends, when one healed, and how far a replay is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Drain, Replay } from "../../web/src/api-types.ts";
import {
  causeAndMend,
  healingOf,
  healthOf,
  paceOf,
  replayWords,
  whatFollows,
} from "../../web/src/drains/drain-words.ts";
import { partsOf, sharesOf } from "../../web/src/drains/ledger.ts";

const time = "2026-01-02T03:04:05.000Z";
const earlier = "2026-01-02T03:04:04.000Z";
const refused = { at: time, kind: "retry", reason: "HOST refused the connection" };
const drain = (more: Partial<Drain>): Drain => ({
  id: "1",
  token: "d",
  url: "https://example.com",
  created_at: time,
  state: "idle",
  last_error: null,
  last_test: null,
  lag_lines: 0,
  lag_seconds: 0,
  rate: 0,
  next_attempt_at: null,
  well_since: null,
  replay: null,
  delivered: 0,
  refused: 0,
  lost: 0,
  filtered: 0,
  replayed: 0,
  delivered_at: null,
  ...more,
});

test("the ledger's bar adds up, and what is there at all is seen", () => {
  const count = fc.nat(1_000_000);
  fc.assert(
    fc.property(count, count, count, count, count, (delivered, refused, lost, filtered, lag_lines) => {
      const parts = partsOf(drain({ delivered, refused, lost, filtered, lag_lines }));
      const shares = sharesOf(parts);
      const sum = shares.reduce((all, share) => all + share, 0);
      expect(sum).toBeCloseTo(delivered + refused + lost + filtered + lag_lines === 0 ? 0 : 100);
      for (const [n, { lines }] of parts.entries())
        expect(shares[n]! > 0.9).toBe(lines > 0 && shares[n]! > 0.9);
      for (const [n, { lines }] of parts.entries()) expect(shares[n]! > 0).toBe(lines > 0);
    }),
  );
});

test.each([
  [
    '127.0.0.1:9 answered 401 ("no"): check the drain\'s credentials',
    '127.0.0.1:9 answered 401 ("no").',
    "Check the drain's credentials.",
  ],
  [
    '127.0.0.1:9 answered 401 ("no thanks: wrong api key"): check the drain\'s credentials',
    '127.0.0.1:9 answered 401 ("no thanks: wrong api key").',
    "Check the drain's credentials.",
  ],
  [
    "it refused the last 10 lines, each alone: a.example:443 answered 415: check the drain's format",
    "It refused the last 10 lines, each alone: a.example:443 answered 415.",
    "Check the drain's format.",
  ],
  [
    "the certificate of a.example:443 has expired (valid Jan  1 00:00:00 2020 GMT): nothing was sent; renew it",
    "The certificate of a.example:443 has expired (valid Jan  1 00:00:00 2020 GMT).",
    "Nothing was sent; renew it.",
  ],
  ["it does not get through", "It does not get through.", ""],
])("%s", (message, cause, mend) => {
  expect(causeAndMend(message)).toEqual({ cause, mend });
});

test("a drain that fails says what waits, what is lost, and when it tries next", () => {
  const failing = drain({
    state: "retrying",
    lag_lines: 2,
    lag_seconds: 130,
    next_attempt_at: "2026-01-02T03:04:17.000Z",
  });
  expect(whatFollows(failing, Date.parse(time))).toBe(
    "2 lines wait, the oldest for 2 min. Nothing is lost. Next try in 12 s.",
  );
});

test.each([
  [{}, "Nothing is lost."],
  [{ refused: 5 }, "5 lines refused."],
  [{ lost: 1 }, "1 line lost to retention."],
  [{ refused: 1, lost: 2 }, "1 line refused. 2 lines lost to retention."],
])("of lines that do not arrive, %j, it says: %s", (counts, words) => {
  expect(whatFollows(drain(counts), Date.parse(time))).toBe(words);
});

test("a drain that is well again says since when, and what was before", () => {
  const healed = drain({
    last_error: {
      at: "2026-01-02T02:40:00Z",
      message: 'a.example answered 401 ("no"): check the credentials',
    },
    well_since: "2026-01-02T02:41:00Z",
  });
  const nowMs = Date.parse(time);
  const words =
    'Well since 2 Jan, 02:41, for 23 min. Before that, the last time at 2 Jan, 02:40: a.example answered 401 ("no").';
  expect(healingOf(healed, nowMs, "utc")).toBe(words);
  for (const never of [
    { last_error: null },
    { well_since: null },
    { state: "retrying" },
    { state: "paused" },
    { last_error: { at: time, message: "a line is too large" } },
  ] as const)
    expect(healingOf({ ...healed, ...never }, nowMs, "utc")).toBeUndefined();
});

test.each([
  [{ state: "waiting", lines: 1_284, left: 1_284 }, "waits for its turn: 1,284 lines to go through."],
  [
    { state: "sending", lines: 1_284, left: 284, sent: 990 },
    "runs: 1,000 of 1,284 lines gone through, 990 sent.",
  ],
  [{ state: "done", lines: 1, sent: 1 }, "is done: 1 line sent."],
  [
    { state: "done", lines: 10, sent: 7 },
    "is done: 7 lines sent, 3 kept back by its filter, refused or gone.",
  ],
  [{ state: "done" }, "found no line."],
] as const)("a replay %j %s", (replay, words) => {
  const whole: Replay = { since: time, lines: 0, left: 0, sent: 0, ...replay };
  expect(replayWords(whole, "utc")).toBe(`The replay of lines since 2 Jan, 03:04 ${words}`);
});

test.each([
  [{ rate: 19, delivered_at: time }, 8, "8.0 lines/s delivered in the last minute"],
  [{ rate: 19, delivered_at: time }, undefined, "19 lines/s delivered in the last minute"],
  [{ rate: 3.8, delivered_at: time, state: "retrying" }, 3, "nothing gets through"],
  [{ rate: 3.8, delivered_at: time }, 0, "quiet"],
  [{}, undefined, "nothing sent yet"],
] as const)("a drain %j of which the page counted %s lines/s says: %s", (more, counted, words) => {
  expect(paceOf(drain(more), counted)).toBe(words);
});

test.each([
  ["idle, and never tested", {}, { mark: "good", word: "idle, nothing waits" }],
  ["its test line was not taken", { last_test: refused }, { mark: "wait", word: "idle, test failed" }],
  ["a paused one", { last_test: refused, state: "paused" }, { mark: "wait", word: "paused" }],
  ["its own lines say more", { last_test: refused, state: "retrying" }, { mark: "bad", word: "retrying" }],
  [
    "it delivered since",
    { last_test: refused, delivered_at: time },
    { mark: "good", word: "idle, nothing waits" },
  ],
  [
    "it delivered before",
    { last_test: refused, delivered_at: earlier },
    { mark: "wait", word: "idle, test failed" },
  ],
  [
    "its test line was taken",
    { last_test: { ...refused, kind: "delivered" } },
    { mark: "good", word: "idle, nothing waits" },
  ],
] as const)("the health of a drain: %s", (_, more, health) => {
  expect(healthOf(drain(more))).toEqual(health);
});
