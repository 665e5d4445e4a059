import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import { DrainNotices } from "../../src/drains/notices.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { messagesOf } from "../support/peer.ts";
import { until } from "../support/until.ts";
import { drainOf, Rig, retry } from "./rig.ts";

const drain = drainOf(1, { url: "https://user:word@receiver.example:8443/in?key=secret" });
const startMs = Date.parse("2024-05-01T09:59:58Z");
let clock: FakeClock;
let stored: string[];
let failures: number;
let notices: DrainNotices;

beforeEach(() => {
  clock = new FakeClock();
  stored = [];
  failures = 0;
  notices = new DrainNotices({
    append: async (_, lines: CanonicalLines) => {
      if (failures-- > 0) throw new Error("the store is full");
      stored.push(...messagesOf(lines.bytes));
    },
    clock,
    logger: pino({ level: "silent" }),
    everyMs: 60_000,
  });
});

test("the texts are those of logplex, with the drain's token and no secret", async () => {
  notices.lost(drain, 21, startMs);
  notices.refused(drain, 3, startMs, "receiver.example:8443 answered 400");
  notices.certificate(drain, 'the certificate "x" has expired');
  notices.expiring(drain, "the certificate ends in 3 days");
  await until(() => stored.length === 4);
  expect(stored).toEqual([
    "Error L10 (output buffer overflow): drain 'd.1' dropped 21 messages since 2024-05-01T09:59:58.000000+00:00. Retention took them before they could be sent: \"tailrace drains:info d.1\" says what held the drain up.",
    "Error L13 (messages refused): drain 'd.1' had 3 messages refused since 2024-05-01T09:59:58.000000+00:00, they are not sent again: receiver.example:8443 answered 400",
    "Error L14 (certificate validation): drain 'd.1' error=\"the certificate 'x' has expired\" uri=\"https://…@receiver.example:8443/…\"",
    'Error L14 (certificate expiry): drain \'d.1\' error="the certificate ends in 3 days; lines are still delivered" uri="https://…@receiver.example:8443/…"',
  ]);
  await notices.close();
});

test("one of a kind for a drain a minute; the next says how many since, and from when", async () => {
  notices.lost(drain, 5, startMs);
  for (let i = 0; i < 10; i++) {
    await clock.advance(5_000);
    notices.lost(drain, 2, clock.nowMs());
  }
  expect(stored).toHaveLength(1);
  await clock.advance(10_000);
  expect(stored).toHaveLength(2);
  expect(stored[1]).toContain("dropped 20 messages since 2024-05-01T10:00:05.000000+00:00");
  await clock.advance(600_000);
  expect(stored).toHaveLength(2);
  expect(clock.sleeping).toBe(0);
  notices.lost(drain, 1, startMs);
  await until(() => stored.length === 3);
  await notices.close();
});

test("refused lines of several reasons are not said to have the last one", async () => {
  const reasons = ["h answered 400", "h answered 400", "h answered 413", "h answered 413", "h answered 413"];
  for (const reason of reasons) notices.refused(drain, 1, startMs, reason);
  await clock.advance(60_000);
  notices.refused(drain, 1, startMs, "h answered 413");
  await clock.advance(60_000);
  const words = stored.map((text) => /had (\d+) .*(not sent again.*)$/.exec(text)!.slice(1));
  expect(words).toEqual([
    ["1", "not sent again: h answered 400"],
    ["4", "not sent again; the reason for the last: h answered 413"],
    ["1", "not sent again: h answered 413"],
  ]);
  await notices.close();
});

test("kinds and drains do not wait for one another", async () => {
  notices.lost(drain, 1, startMs);
  notices.lost(drainOf(2), 1, startMs);
  notices.certificate(drain, "is self-signed");
  await until(() => stored.length === 3);
  await notices.close();
});

test("a notice that could not be stored is told with the next, and no count is lost", async () => {
  failures = 1;
  notices.lost(drain, 5, startMs);
  await until(() => failures < 1);
  notices.lost(drain, 7, startMs + 1);
  await clock.advance(60_000);
  expect(stored).toEqual([expect.stringContaining("dropped 12 messages since 2024-05-01T09:59:58")]);
  await notices.close();
});

test("close tells at once what is untold", async () => {
  notices.lost(drain, 5, startMs);
  await until(() => stored.length === 1);
  notices.lost(drain, 7, startMs);
  await notices.close();
  await notices.close();
  expect(stored[1]).toContain("dropped 7 messages");
});

test("close ends also when the notices cannot be stored", async () => {
  failures = Number.POSITIVE_INFINITY;
  notices.lost(drain, 5, startMs);
  await notices.close();
  expect(stored).toEqual([]);
});

test("of a drain that is gone nothing more is told: its app may be gone with it", async () => {
  notices.lost(drain, 5, startMs);
  await until(() => stored.length === 1);
  notices.lost(drain, 7, startMs);
  notices.forget(drain.id);
  await clock.advance(120_000);
  expect(stored).toHaveLength(1);
});

test("a drain that refuses its own notices does not feed itself", async () => {
  const rig = await Rig.open();
  rig.script = () => ({ kind: "refused", reason: "400" });
  await rig.append(["a"]);
  await rig.work();
  await rig.clock.advance(600_000);
  const found = await rig.noticed();
  expect(found).toHaveLength(1);
  expect(await rig.state()).toMatchObject({ refused: 2, line: 2 });
  await rig.close();
});

test("a certificate that does not hold is told once a minute however often it is tried", async () => {
  const rig = await Rig.open();
  rig.script = () => ({ ...retry, kind: "retry", reason: "is self-signed", certificate: true });
  await rig.append(["a"]);
  await rig.work();
  await rig.clock.advance(180_000);
  const found = await rig.noticed();
  expect(rig.tries.length).toBeGreaterThan(8);
  expect(found.length).toBeLessThanOrEqual(4);
  expect(found[0]).toContain('error="is self-signed" uri="https://receiver.example/…"');
  await rig.close();
});
