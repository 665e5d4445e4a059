import { afterEach, beforeEach, expect, test } from "vitest";
import { DrainSupervisor, type SupervisorOptions } from "../../src/drains/supervisor.ts";
import type { Verdict } from "../../src/ports.ts";
import { CheckedStore } from "../../src/registry/checked-store.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { delivered, drainOf, Rig, retry } from "./rig.ts";

let rig: Rig;
let supervisor: DrainSupervisor | undefined;

beforeEach(async () => {
  rig = await Rig.open();
  supervisor = undefined;
});

afterEach(async () => {
  const closed = supervisor?.close();
  await rig.clock.advance(60_000);
  await closed;
  await rig.close();
});

async function open(changes: Partial<SupervisorOptions> = {}): Promise<void> {
  supervisor = await DrainSupervisor.open({ ...rig.parts, ...changes });
}

async function put(drain: DrainRecord): Promise<DrainRecord> {
  const key = `drain/${drain.id}`;
  await rig.store.put(key, drain, (await rig.store.get(key))?.revision ?? 0);
  return drain;
}

async function remove(drain: DrainRecord): Promise<void> {
  const key = `drain/${drain.id}`;
  await rig.store.put(key, undefined, (await rig.store.get(key))!.revision);
}

const receivedBy = (drain: DrainRecord) =>
  rig.tries.filter((tried) => tried.drain.id === drain.id).flatMap(({ texts }) => texts);

test("drains that are stored at the start and those that come later are run, each for itself", async () => {
  const first = await put(drainOf(1));
  await open();
  const second = await put(drainOf(2));
  await rig.append(["a", "b"]);
  await rig.until(() => rig.received.length === 4, 0);
  expect(receivedBy(first)).toEqual(["a", "b"]);
  expect(receivedBy(second)).toEqual(["a", "b"]);
});

test("a drain without a URL is not run until it has one", async () => {
  await open();
  const { url, ...reserved } = drainOf(1);
  await put(reserved);
  await rig.append(["a"]);
  await rig.clock.advance(60_000);
  expect(rig.tries).toEqual([]);
  await put({ ...reserved, url: url! });
  await rig.until(() => rig.received.length === 1, 0);
  expect(rig.received).toEqual(["a"]);
});

test("a changed URL is used for what was not delivered yet", async () => {
  rig.script = ({ drain }) => (drain.url!.endsWith("/new") ? delivered : retry);
  const drain = await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(() => rig.tries.length === 1, 0);
  await put({ ...drain, url: "https://receiver.example/new" });
  await rig.until(() => rig.received.length === 1);
  expect(rig.received).toEqual(["a"]);
  expect(rig.tries.map((tried) => tried.drain.url)).toEqual([drain.url, "https://receiver.example/new"]);
});

test("a change that does not matter to the worker disturbs nothing", async () => {
  const drain = await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(() => rig.received.length === 1, 0);
  await put({ ...drain, updatedAt: "2024-05-02T00:00:00Z" });
  await rig.append(["b"]);
  await rig.until(() => rig.received.length === 2, 0);
  expect(rig.received).toEqual(["a", "b"]);
  expect(rig.openSinks).toBe(1);
  expect(new Set(rig.tries.map((tried) => tried.drain)).size).toBe(1);
});

test("a paused drain keeps its cursor; resumed it sends what came meanwhile, oldest first", async () => {
  const drain = await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(() => rig.received.length === 1, 0);
  await put({ ...drain, paused: true });
  await rig.clock.advance(1_000);
  await rig.append(["b"]);
  await rig.append(["c"]);
  await rig.clock.advance(60_000);
  expect(rig.received).toEqual(["a"]);
  expect(await rig.state()).toMatchObject({ line: 1, delivered: 1 });
  await put({ ...drain, paused: false });
  await rig.until(() => rig.received.length === 3);
  expect(rig.received).toEqual(["a", "b", "c"]);
});

test("a removed drain stops at once, in the midst of a delivery too, and its state goes", async () => {
  rig.script = () => "hang";
  const drain = await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.clock.advance(1_000);
  expect(await rig.shown()).toMatchObject({ state: "delivering" });
  await remove(drain);
  await rig.clock.advance(0);
  expect(await rig.state()).toBeUndefined();
  expect(rig.openSinks).toBe(0);
  await rig.append(["b"]);
  await rig.clock.advance(60_000);
  expect(rig.tries).toHaveLength(1);
});

test("states whose drains were removed while nobody watched are removed", async () => {
  await rig.store.put("drain-state/drain-9", { line: 0, delivered: 0, refused: 0, lost: 0, filtered: 0 }, 0);
  await open();
  await rig.until(async () => (await rig.store.get("drain-state/drain-9")) === undefined, 1_000);
});

test("close lets a delivery under way finish and commits it, and nothing starts after", async () => {
  let answer: (verdict: Verdict) => void = () => {};
  rig.script = () => new Promise((resolve) => (answer = resolve));
  await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(() => rig.tries.length === 1, 0);
  const closed = supervisor!.close();
  await rig.append(["b"]);
  await rig.clock.advance(5_000);
  answer(delivered);
  await closed; // without a step of the clock
  expect(await rig.state()).toMatchObject({ delivered: 1, line: 1 });
  await rig.clock.advance(60_000);
  expect(rig.tries).toHaveLength(1);
  await supervisor!.close();
});

test("close waits for a delivery no longer than it was told to", async () => {
  rig.script = () => "hang";
  await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(() => rig.tries.length === 1, 0);
  let isClosed = false;
  const closed = supervisor!.close().then(() => (isClosed = true));
  await rig.clock.advance(9_999);
  expect(isClosed).toBe(false);
  await rig.clock.advance(1);
  await closed;
});

test("a worker that cannot read its state is started again after a while", async () => {
  let reads = 0;
  const { store } = rig;
  await put(drainOf(1));
  await rig.append(["a"]);
  await open({
    store: {
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      put: (...args) => store.put(...args),
      close: () => store.close(),
      get: (key) =>
        key === "drain-state/drain-1" && reads++ === 0 ? Promise.reject(new Error("no")) : store.get(key),
    },
  });
  await rig.clock.advance(4_999);
  expect(rig.received).toEqual([]);
  await rig.clock.advance(1);
  expect(rig.received).toEqual(["a"]);
});

test("a watch that breaks is begun again: drains go on, and what changed meanwhile is seen", async () => {
  const { store } = rig;
  let breakIt: (cause: Error) => void = () => {};
  let watches = 0;
  async function* breaking(signal: AbortSignal) {
    const broken = new Promise<never>((_, reject) => (breakIt = reject));
    const changes = store.watch<DrainRecord>("drain/", signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([changes.next(), broken]);
      if (next.done) return;
      yield next.value;
    }
  }
  const removed = await put(drainOf(1));
  const kept = await put(drainOf(2));
  await open({
    store: {
      get: (key) => store.get(key),
      put: (...args) => store.put(...args),
      list: (prefix) => store.list(prefix),
      close: () => store.close(),
      watch: (prefix, signal) => (watches++ === 0 ? breaking(signal) : store.watch(prefix, signal)) as never,
    },
  });
  await rig.until(() => watches === 1, 0);
  breakIt(new Error("connection lost"));
  await rig.clock.advance(0);
  await remove(removed);
  const added = await put(drainOf(3));
  await rig.append(["a"]);
  await rig.until(() => receivedBy(kept).length === 1, 0);
  await rig.clock.advance(5_000);
  await rig.append(["b"]);
  await rig.until(() => receivedBy(added).length === 2, 0);
  expect(receivedBy(added)).toEqual(["a", "b"]);
  expect(receivedBy(removed)).toEqual(["a"]);
  expect(watches).toBe(2);
});

test("a Store that cannot be watched from the start is told to whoever opens", async () => {
  const { store } = rig;
  const opening = open({
    store: {
      get: (key) => store.get(key),
      put: (...args) => store.put(...args),
      list: (prefix) => store.list(prefix),
      close: () => store.close(),
      // biome-ignore lint/correctness/useYield: it fails before it has anything
      async *watch() {
        throw new Error("no watch");
      },
    },
  });
  await expect(opening).rejects.toThrow("no watch");
});

test("a drain that somebody else runs is left to them until its record changes", async () => {
  const drain = await put(drainOf(1));
  await open();
  await rig.append(["a"]);
  await rig.until(async () => (await rig.state())?.delivered === 1);
  const found = (await rig.store.get("drain-state/drain-1"))!;
  await rig.store.put("drain-state/drain-1", found.value, found.revision);
  await rig.append(["b"]);
  await rig.clock.advance(60_000);
  const seen = rig.received.length;
  await rig.append(["c"]);
  await rig.clock.advance(60_000);
  expect(rig.received).toHaveLength(seen);
  await put({ ...drain, updatedAt: "x", headers: { "x-new": "1" } });
  await rig.until(() => rig.received.includes("c"), 1_000);
});

test("a drain whose record is unreadable goes on as it was, keeps its checkpoint, and holds up no other", async () => {
  const logged: unknown[] = [];
  const logger = { error: (about: object) => logged.push(about) } as never;
  const store = new CheckedStore(rig.store, logger);
  const first = await put(drainOf(1));
  await put({ ...drainOf(2), paused: "no" } as never);
  await rig.store.put("drain-state/drain-2", { line: 0, delivered: 0, refused: 0, lost: 0, filtered: 0 }, 0);
  await open({ store });
  const third = await put(drainOf(3));
  await put({ ...first, version: 9 } as never);
  await rig.until(() => logged.length === 2, 0);
  await rig.append(["a"]);
  await rig.until(() => rig.received.length === 2, 0);
  expect([first, drainOf(2), third].map(receivedBy)).toEqual([["a"], [], ["a"]]);
  expect(logged).toEqual([{ key: "drain/drain-2" }, { key: "drain/drain-1" }]);
  expect(await rig.store.get("drain-state/drain-2")).toBeDefined();
});
