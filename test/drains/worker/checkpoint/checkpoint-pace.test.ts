import { pino } from "pino";
import { expect, test } from "vitest";
import { Checkpoint } from "../../../../src/drains/worker/checkpoint/checkpoint.ts";
import { CheckpointPace } from "../../../../src/drains/worker/checkpoint/checkpoint-pace.ts";
import { openMemory } from "../../../../src/engines/memory.ts";
import { checkpointPace } from "../../../../src/limits.ts";
import { firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { drainOf, keepAll } from "../../rig.ts";

const msMin = 50;
const logger = pino({ level: "silent" });

/** Drains that deliver all the time: writes in a second, and milliseconds between two of one drain, when they have found their pace. */
async function busy(drains: number): Promise<{ writes: number; everyMs: number }> {
  const clock = new FakeClock();
  const { store } = await openMemory({ clock, retention: keepAll });
  const pace = new CheckpointPace({ clock, msMin, ...checkpointPace });
  const options = { store, clock, logger, commitMsMax: msMin, pace };
  const all = await Promise.all(
    Array.from({ length: drains }, (_, at) => Checkpoint.open(drainOf(at), options, () => {})),
  );
  let line = 0;
  const deliver = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      line++;
      for (const one of all) one.set({ ...firstCheckpoint(drainOf(0)), line, delivered: line }, "pace");
      await clock.advance(10);
    }
  };
  await deliver(3_000);
  const wrote = pace.wrote.bind(pace);
  let writes = 0;
  pace.wrote = () => {
    writes++;
    wrote();
  };
  await deliver(4_000);
  await Promise.all(all.map((one) => one.close()));
  return { writes: writes / 4, everyMs: pace.spanMs };
}

test.each([
  [1, 50],
  [2, 50],
  [10, 200],
  [60, 800],
])("%i busy drains write each %i ms", async (drains, everyMs) => {
  const { writes, everyMs: found } = await busy(drains);
  expect(found).toBe(everyMs);
  expect(writes).toBeLessThanOrEqual((drains * 1_000) / everyMs);
});

test("drains that were busy write soon again when few are", async () => {
  const clock = new FakeClock();
  const pace = new CheckpointPace({ clock, msMin, ...checkpointPace });
  for (let second = 0; second < 2; second++) {
    await clock.advance(1_000);
    for (let write = 0; write < 2_000; write++) pace.wrote();
  }
  expect(pace.spanMs).toBe(800);
  for (let write = 0; write < 2; write++) {
    await clock.advance(10_000);
    pace.wrote();
  }
  expect(pace.spanMs).toBe(50);
});

test("a break is written as soon as ever, however many drains are busy", async () => {
  const clock = new FakeClock();
  const { store } = await openMemory({ clock, retention: keepAll });
  const pace = new CheckpointPace({ clock, msMin, ...checkpointPace });
  await clock.advance(1_000);
  for (let write = 0; write < 2; write++) {
    for (let drain = 0; drain < 2_000; drain++) pace.wrote();
    await clock.advance(1_000);
  }
  expect(pace.spanMs).toBe(800);
  const options = { store, clock, logger, commitMsMax: msMin, pace };
  const checkpoint = await Checkpoint.open(drainOf(1), options, () => {});
  checkpoint.set({ ...firstCheckpoint(drainOf(1)), line: 1, delivered: 1 }, "pace");
  await clock.advance(msMin);
  expect(checkpoint.storedLine).toBe(0);
  checkpoint.set({ ...firstCheckpoint(drainOf(1)), line: 2, delivered: 2 });
  await clock.advance(msMin);
  expect(checkpoint.storedLine).toBe(2);
  await checkpoint.close();
});
