/**
 * Writes of drains' checkpoints, counted: where nodes share the drains, how many a second a thousand busy drains of one lease
 * are, and how many bytes; and what waits for the Store meanwhile. The clock is the test's.
 */
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import type { DrainId } from "../../src/core/ids.ts";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import { Checkpoint } from "../../src/drains/worker/checkpoint/checkpoint.ts";
import { sharedCommitMsMax } from "../../src/limits.ts";
import type { Store } from "../../src/ports.ts";
import { firstCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { drainOf, Rig } from "../drains/rig.ts";
import { channelOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { countedIn } from "./counting.ts";

const drains = 1_000;
const drainsEach = 20;
const seconds = 3;
const appendEveryMs = 200;

let rig: Rig | undefined;
afterEach(async () => rig?.close());

function counted(store: Store) {
  const writes = { sheets: 0, own: 0, bytes: 0 };
  const counting: Store = {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, signal) => store.watch(prefix, signal),
    close: () => store.close(),
    put: (key, value, revision) => {
      if (key.startsWith("drain-sheet/")) writes.sheets++;
      if (key.startsWith("drain-state/")) writes.own++;
      if (key.startsWith("drain-")) writes.bytes += JSON.stringify(value).length;
      return store.put(key, value, revision);
    },
  };
  return { writes, counting };
}

test("a thousand busy drains of a lease are at most three writes a second for each 64 of them", async () => {
  rig = await Rig.open({ bounds: { commitMsMax: sharedCommitMsMax } });
  const { clock } = rig;
  const channels = Array.from({ length: drains / drainsEach }, (_, i) => channelOf(i + 1));
  for (let number = 1; number <= drains; number++) {
    const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as DrainId;
    const channel = channels[number % channels.length]!;
    await rig.store.put(`drain/${id}`, drainOf(number, { id, channel }), 0);
  }
  const { writes, counting } = counted(rig.store);
  const slots = new ConnectionSlots({
    socketsMax: drains,
    idleMsMax: 60_000,
    failingMax: 5,
    failingEveryMs: 5,
    clock,
  });
  let at = 0;
  const supervisor = await DrainSupervisor.open({
    ...rig.parts,
    store: counting,
    slots,
    random: () => (at++ % 97) / 97,
    startsMax: 32,
    shards: 1,
    logger: pino({ level: "silent" }),
  });
  const lease = new AbortController();
  const running = supervisor.run(0, lease.signal, 1);
  await rig.until(() => [...supervisor.running()].length === drains, 10_000);
  const pass = async (ms: number, batches: number) => {
    for (let passed = 0; passed < ms; passed += appendEveryMs) {
      for (const to of channels)
        for (let batch = 0; batch < batches; batch++) await rig!.append([`line ${batch}`], to);
      await clock.advance(appendEveryMs);
    }
  };
  await pass(appendEveryMs, 70); // as many as go alone after a lease was taken
  await pass(1_000, 2);
  Object.assign(writes, { sheets: 0, own: 0, bytes: 0 });
  const before = rig.tries.length;
  await pass(seconds * 1_000, 2);
  const parcels = (rig.tries.length - before) / seconds / drains;
  const figures = { ...writes, parcels };
  lease.abort();
  await clock.advance(60_000);
  await running;
  await supervisor.close();
  slots.close();
  expect(figures.own).toBe(0); // a record for each before: some 2,000 a second
  expect(figures.parcels).toBeGreaterThan(5);
  expect(figures.sheets / seconds).toBeLessThanOrEqual(3 * Math.ceil(drains / 64));
});

test("a checkpoint that waits for the Store is one promise besides the Store's own", async () => {
  const clock = new FakeClock();
  const stored = Promise.resolve(1);
  const store = { get: async () => undefined, put: () => stored } as unknown as Store;
  const options = { store, clock, logger: pino({ level: "silent" }), commitMsMax: 50 };
  const all = await Promise.all(
    Array.from({ length: drains }, (_, at) => Checkpoint.open(drainOf(at), options, () => {})),
  );
  const made = await countedIn(async () => {
    for (const one of all) one.set({ ...firstCheckpoint(drainOf(0)), line: 1, delivered: 1 });
    await clock.advance(50);
  });
  expect(all.every(({ storedLine }) => storedLine === 1)).toBe(true);
  expect(made("PROMISE") / drains).toBeLessThan(1.5); // 1.0; four, and three functions that wait, before
});
