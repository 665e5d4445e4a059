import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { positionAt } from "../../src/core/position.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { drainsMax, reservedMax } from "../../src/registry/drain-claims.ts";
import type { AppRecord } from "../../src/registry/records.ts";
import { TestRegistry } from "../support/control-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { Crash, crashAfter, keysIn } from "./crashing-store.ts";

const startMs = Date.parse("2026-01-02T03:00:00Z");
let clock: FakeClock;
let registry: TestRegistry;
let app: AppRecord;
beforeEach(async () => {
  clock = new FakeClock({ startMs });
  registry = await TestRegistry.open({ clock });
  app = await registry.apps.create("todo");
});
afterEach(() => registry.close());

const urlOf = (n: number) => `https://example.com/${n}`;

describe("how many and which", () => {
  test("an app has six drains and no seventh", async () => {
    for (let n = 0; n < drainsMax; n++) await registry.drains.create(app.id, { url: urlOf(n) });
    await expect(registry.drains.create(app.id, { url: urlOf(6) })).rejects.toMatchObject({
      code: "DRAIN_LIMIT",
    });
    expect(await registry.drains.list(app.id)).toHaveLength(drainsMax);
  });

  test("a removed drain leaves room for another, and for its URL", async () => {
    for (let n = 0; n < drainsMax; n++) await registry.drains.create(app.id, { url: urlOf(n) });
    const [first] = await registry.drains.list(app.id);
    await registry.drains.remove(app.id, first!.id);
    await registry.drains.create(app.id, { url: first!.url! });
  });

  test.each([
    ["https://example.com/0", "https://example.com/0"],
    ["https://example.com", "https://EXAMPLE.com:443/"],
  ])("%s and %s are the same URL, which an app has once", async (first, second) => {
    await registry.drains.create(app.id, { url: first });
    await expect(registry.drains.create(app.id, { url: second })).rejects.toMatchObject({
      code: "DRAIN_REPEATED",
    });
    const other = await registry.apps.create("other");
    await registry.drains.create(other.id, { url: second });
  });

  test("asked for on two nodes at the same time, the limit and the uniqueness hold", async () => {
    const node = await TestRegistry.open({ engine: registry.engine, clock });
    const tries = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? registry : node).drains.create(app.id, { url: urlOf(n % 10) }),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(drainsMax);
    const made = await registry.drains.list(app.id);
    expect(new Set(made.map(({ url }) => url)).size).toBe(drainsMax);
    expect(new Set(made.map(({ number }) => number)).size).toBe(drainsMax);
    await node.tokens.close();
    await node.keys.close();
  });

  test("reserved drains are not listed, do not count, and are bounded", async () => {
    for (let n = 0; n < reservedMax; n++) await registry.drains.reserve(app.id);
    await expect(registry.drains.reserve(app.id)).rejects.toMatchObject({ code: "DRAIN_LIMIT" });
    expect(await registry.drains.list(app.id)).toEqual([]);
    for (let n = 0; n < drainsMax; n++) await registry.drains.create(app.id, { url: urlOf(n) });
    const reserved = (await registry.drains.getNumbered(app.id, 1))!;
    await expect(registry.drains.update(reserved, { url: urlOf(9) })).rejects.toMatchObject({
      code: "DRAIN_LIMIT",
    });
  });

  test("what a crash left of a drain that was being made stands in nobody's way after a minute", async () => {
    for (let writes = 0; writes < 3; writes++) {
      const store = crashAfter(registry.engine.store, writes);
      const dying = await TestRegistry.open({ engine: registry.engine, clock, store });
      await expect(dying.drains.create(app.id, { url: urlOf(1) })).rejects.toThrow(Crash);
      await dying.tokens.close();
      await dying.keys.close();
      expect(await registry.drains.list(app.id)).toEqual([]);
      await clock.advance(61_000);
    }
    await registry.drains.create(app.id, { url: urlOf(1) });
    await registry.drains.removeAll(app.id);
    expect((await keysIn(registry.store)).filter((key) => /drain/.test(key))).toEqual([]);
  });
});

test("a drain is found by id, token and URL as it was given, in its own app only", async () => {
  const drain = await registry.drains.create(app.id, { url: "https://u:p%40ss@example.com:8443/in?x=1" });
  for (const name of [drain.id, drain.token, drain.url!]) {
    expect(await registry.drains.get(app.id, name)).toEqual(drain);
  }
  expect(await registry.drains.get(app.id, "https://u:p@ss@example.com:8443/in?x=1")).toBeUndefined();
  const other = await registry.apps.create("other");
  expect(await registry.drains.get(other.id, drain.id)).toBeUndefined();
  expect(await registry.drains.getNumbered(other.id, drain.number)).toBeUndefined();
});

describe("where a drain starts", () => {
  test("at the end of the log as it is now", async () => {
    await registry.write(app.id, 3);
    const drain = await registry.drains.create(app.id, { url: urlOf(1) });
    expect(drain.start).toEqual((await registry.log.recent(app.id, 0)).end);
    expect(drain.start.line).toBe(3);
  });

  test.each([
    ["90s", 3],
    ["2m", 0],
    ["2026-01-02T03:01:00Z", 3],
    ["1h", 0],
    ["1s", 6],
    ["2027-01-01T00:00:00Z", 6],
  ])("since %s, behind line %i", async (since, line) => {
    await registry.write(app.id, 3);
    await clock.advance(60_000);
    await registry.write(app.id, 3);
    await clock.advance(60_000);
    expect((await registry.drains.create(app.id, { url: urlOf(1), since })).start.line).toBe(line);
  });

  test("a log without lines has one place", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1), since: "1h" });
    expect(drain.start.line).toBe(0);
  });

  test("a reserved drain starts when it gets its URL; one that gets another goes on where it is", async () => {
    const reserved = await registry.drains.reserve(app.id);
    await registry.write(app.id, 3);
    expect((await registry.drains.update(reserved, { url: urlOf(1) })).start.line).toBe(3);
    await registry.write(app.id, 3);
    expect(await registry.drains.update(reserved, { url: urlOf(2) })).toMatchObject({
      url: urlOf(2),
      start: { line: 3 },
    });
    await registry.drains.create(app.id, { url: urlOf(1) });
  });

  test.each(["", "yesterday", "10", "10 m", "2026-01-02", "2026-13-02T00:00:00Z", "-5m"])(
    "%j is no time",
    async (since) => {
      const made = registry.drains.create(app.id, { url: urlOf(1), since });
      await expect(made).rejects.toMatchObject({ code: "SINCE_INVALID" });
      expect(await registry.drains.list(app.id)).toEqual([]);
    },
  );
});

describe("a change", () => {
  test("that is refused changes nothing, and claims nothing", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1), headers: { "X-Key": "k" } });
    const refused = [
      { url: "https://10.0.0.1/" },
      { url: "syslog://example.com" },
      { url: urlOf(2), headers: { Host: "x" } },
    ];
    for (const changes of refused) await expect(registry.drains.update(drain, changes)).rejects.toThrow();
    expect(await registry.drains.list(app.id)).toEqual([drain]);
    await registry.drains.create(app.id, { url: urlOf(2) });
    await expect(registry.drains.update(drain, { url: urlOf(2), secret: "s" })).rejects.toMatchObject({
      code: "DRAIN_REPEATED",
    });
    expect(await registry.drains.find(drain.id)).toEqual(drain);
  });

  test("that changes nothing is not written: the drain's worker goes on", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1), filter: { sources: ["app"] } });
    await clock.advance(5_000);
    expect(await registry.drains.update(drain, { url: urlOf(1), filter: { sources: ["app"] } })).toEqual(
      drain,
    );
  });

  test("of the URL alone is one of the telemetry drain's endpoint", async () => {
    const telemetry = { endpoint: "https://one.example.com", signals: ["logs"] };
    const drain = await registry.drains.create(app.id, {
      url: "https://one.example.com/v1/logs",
      format: "otlp",
      telemetry,
    });
    const url = "https://two.example.com/v1/logs";
    expect(await registry.drains.update(drain, { url })).toMatchObject({
      url,
      telemetry: { endpoint: url, signals: ["logs"] },
    });
  });
});

test("what a test found is kept while the drain is there, and no longer", async () => {
  const drain = await registry.drains.create(app.id, { url: urlOf(1) });
  await registry.drains.keepTest(drain, { kind: "retry", reason: "refused" });
  const found = { kind: "retry", reason: "refused", at: "2026-01-02T03:00:00Z" };
  expect((await registry.drains.view(drain)).lastTest).toEqual(found);
  await registry.drains.remove(app.id, drain.id);
  await registry.drains.keepTest(drain, { kind: "delivered" }); // it was under way when the drain went
  expect((await keysIn(registry.store)).filter((key) => /^drain/.test(key))).toEqual([]);
});

test("paused, resumed and replayed are in the record, each once", async () => {
  const drain = await registry.drains.create(app.id, { url: urlOf(1) });
  expect(await registry.drains.pause(drain)).toMatchObject({ paused: true });
  expect(await registry.drains.view((await registry.drains.get(app.id, drain.id))!)).toMatchObject({
    state: "paused",
  });
  expect(await registry.drains.resume(drain)).toMatchObject({ paused: false });
  const replayed = await registry.drains.replay(drain, "10m");
  expect(replayed.replay).toMatchObject({ sinceMs: clock.nowMs() - 600_000 });
  const again = await registry.drains.replay(drain, "10m");
  expect(again.replay!.id).not.toBe(replayed.replay!.id);
});

describe("the ledger", () => {
  test("of a drain whose worker has said nothing yet counts from its start", async () => {
    await registry.write(app.id, 3);
    const drain = await registry.drains.create(app.id, { url: urlOf(1) });
    expect(await registry.drains.view(drain)).toMatchObject({ state: "idle", lagLines: 0, lagSeconds: 0 });
    await registry.write(app.id, 4);
    await clock.advance(90_000);
    await registry.write(app.id, 4);
    expect(await registry.drains.view(drain)).toMatchObject({ lagLines: 8, lagSeconds: 90, delivered: 0 });
  });

  test("is the worker's counts and what waits behind its cursor", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1) });
    await registry.write(app.id, 4);
    await clock.advance(5_000);
    await registry.write(app.id, 4);
    await clock.advance(5_000);
    const state: DrainCheckpoint = {
      version: 2,
      position: positionAt(1, 4),
      line: 4,
      delivered: 1,
      refused: 1,
      lost: 1,
      filtered: 1,
      replayed: 9,
      deliveredAt: "2026-01-02T03:00:00.123Z",
      failing: { nextAttemptAt: "2026-01-02T03:00:30.000Z" },
      lastError: { at: "2026-01-02T03:00:00Z", message: "status_500" },
      rate: { perSecond: 1, atMs: clock.nowMs() - 60_000 },
    };
    const [first] = (await registry.log.recent(app.id, 8)).batches;
    await registry.store.put(
      `drain-state/${drain.id}`,
      { ...state, position: positionAt(first!.sequence, 4) },
      0,
    );
    expect(await registry.drains.view(drain)).toEqual({
      state: "retrying",
      lastError: state.lastError,
      lastTest: undefined,
      lagLines: 4,
      lagSeconds: 5,
      delivered: 1,
      refused: 1,
      lost: 1,
      filtered: 1,
      replayed: 9,
      deliveredAt: "2026-01-02T03:00:00Z",
      rate: 0,
      nextAttemptAt: "2026-01-02T03:00:30.000Z",
    });
    const paused = await registry.drains.pause(drain);
    expect(await registry.drains.view(paused)).toMatchObject({ state: "paused", nextAttemptAt: undefined });
  });

  test("tells how far a replay is: before it begins, meanwhile, and when it is done", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1) });
    await registry.write(app.id, 4);
    await clock.advance(5_000);
    await registry.write(app.id, 4);
    const counts = { delivered: 8, refused: 0, lost: 0, filtered: 0, replayed: 0 };
    const state: DrainCheckpoint = { version: 2, position: positionAt(2, 4), line: 8, ...counts };
    const key = `drain-state/${drain.id}`;
    const keep = async (replay?: DrainCheckpoint["replay"]) => {
      const revision = (await registry.store.get(key))?.revision ?? 0;
      await registry.store.put(key, { ...state, ...(replay && { replay }) }, revision);
    };
    await keep();
    expect(await registry.drains.view(drain)).toMatchObject({ replay: undefined });
    expect(await registry.drains.linesOfReplay(drain, "2s")).toBe(4);
    expect(await registry.drains.linesOfReplay(drain, "10m")).toBe(8);
    const asked = await registry.drains.replay(drain, "2s");
    const waiting = { state: "waiting", lines: 4, left: 4, sent: 0 };
    expect((await registry.drains.view(asked)).replay).toMatchObject(waiting);
    const progress = { firstLine: 4, line: 7, endLine: 8, sent: 2 };
    const { id } = asked.replay!;
    await keep({ id, position: positionAt(2, 3), progress });
    const sending = { state: "sending", lines: 4, left: 1, sent: 2 };
    expect((await registry.drains.view(asked)).replay).toMatchObject(sending);
    await keep({ id, progress: { ...progress, line: 8, sent: 3 } });
    expect((await registry.drains.view(asked)).replay).toMatchObject({ state: "done", left: 0, sent: 3 });
  });

  test("is answered at once when retention took all that the cursor waited for", async () => {
    const drain = await registry.drains.create(app.id, { url: urlOf(1) });
    await registry.write(app.id, 4);
    await registry.log.destroy(app.id);
    await registry.write(app.id, 1);
    const seen = await registry.drains.view({ ...drain, start: { position: positionAt(9e9, 0), line: 0 } });
    expect(seen).toMatchObject({ lagLines: 1, lagSeconds: 0 });
  });
});
