/** Things that do nothing, and what they are made of: a signal of its own takes most of a kilobyte on Node 20. */
import { afterEach, expect, test, vi } from "vitest";
import { appKey } from "../../src/core/records/record-keys.ts";
import { DrainWorker } from "../../src/drains/worker/worker.ts";
import { MemoryStore } from "../../src/engines/memory-store.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { ReadingRights } from "../../src/registry/reading-rights.ts";
import { channel, Rig } from "../drains/rig.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";

afterEach(() => vi.unstubAllGlobals());

/** How many signals are made until the answer is called. */
function signalsMade(): () => number {
  let made = 0;
  class Counted extends AbortController {
    constructor() {
      super();
      made++;
    }
  }
  vi.stubGlobal("AbortController", Counted);
  return () => made;
}

test("a drain that waits for its first line has one signal: its reading's", async () => {
  const rig = await Rig.open();
  const made = signalsMade();
  const worker = await DrainWorker.open(rig.drain, undefined, rig.parts);
  await until(() => worker.isIdle);
  expect(made()).toBe(1);
  await worker.stop(0);
  await rig.close();
});

test("a right to read has one signal, unless its key expires", async () => {
  const store = new MemoryStore();
  await store.put(appKey(channel), { name: "todo" }, 0);
  const keys = { recordKeyOf: async () => undefined };
  const rights = new ReadingRights({ store, clock: new FakeClock(), keys });
  await rights.take(operatorKeyId, channel); // it begins the watches
  const made = signalsMade();
  const right = await rights.take(operatorKeyId, channel);
  expect(right?.over.aborted).toBe(false);
  expect(made()).toBe(1);
  await rights.close();
});
