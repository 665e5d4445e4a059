/**
 * Drains under any order of lines, faults, pauses, replays, stops and crashes, where the Store and the log are well:
 * what their destinations get then is exact. fast-check prints the seed and the shortest order that fails.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Mood, moods } from "./destination.ts";
import { type Plan, Simulator } from "./simulator.ts";
import { type ScheduleOptions, schedule } from "./steps.ts";

const numRuns = Number(process.env.RUNS ?? 120);

/** Two drains of an app, and one of a protocol without answers; the first one has a filter. */
const plan: Plan = {
  seed: 1,
  drains: [{ hasFilter: true }, {}, { isSilent: true, quietMs: 100 }],
  limits: {
    parcelLinesMax: 8,
    parcelBytesMax: 600,
    probeBytesMax: 300,
    readAheadBytesMax: 1_000,
    unsettledParcelsMax: 3,
  },
  socketsMax: 2,
  readAheadBytesMax: 4_096,
};

const usual = { lines: 6, pass: 6, mood: 4 };
const deaths = { crash: 1, restart: 1 };
const pauses = { pause: 1, resume: 1 };
const others = (...but: readonly Mood[]) => moods.filter((mood) => mood !== "erratic" && !but.includes(mood));

/** Every schedule ends well: each line has its place in each ledger, and came in order for the first time. */
async function check(
  options: ScheduleOptions,
  changes: Partial<Plan>,
  also: (world: Simulator) => Promise<void>,
): Promise<void> {
  const property = fc.asyncProperty(schedule(options), async (steps) => {
    const world = await Simulator.open({ ...plan, ...changes });
    for (const step of steps) await world.take(step);
    await world.heal();
    await world.close();
    expect(await world.flaws()).toEqual([]);
    await also(world);
  });
  await fc.assert(property, { numRuns, endOnFailure: process.env.SHRINK === undefined });
}

test("with a log that keeps everything each line arrives, the first time in order, and is counted once", async () => {
  const odds = { ...usual, ...pauses, ...deaths, replay: 2, break: 2 };
  await check({ odds, moods: others("picky") }, {}, async (world) => {
    for (const destination of world.destinations) {
      const { lost, refused } = await world.state(destination);
      expect({ lost, refused }).toEqual({ lost: 0, refused: 0 });
    }
  });
});

test("where retention passes a drain, what never arrived is counted as lost, and no order is broken", async () => {
  const odds = { ...usual, ...pauses, ...deaths, replay: 2, break: 2 };
  await check({ odds, moods: others("picky") }, { retention: { channelLinesMax: 20 } }, async (world) => {
    for (const destination of world.destinations) expect((await world.state(destination)).refused).toBe(0);
  });
});

test("what a destination refuses is passed and counted, whatever else happens", async () => {
  const odds = { ...usual, ...pauses, ...deaths, break: 2 };
  await check({ odds, moods: others() }, {}, async (world) => {
    for (const destination of world.destinations) expect((await world.state(destination)).lost).toBe(0);
  });
});

test("without a crash, a break and a lost answer nothing is sent twice", async () => {
  await check({ odds: { ...usual, restart: 2 }, moods: others("forgetful") }, {}, async (world) => {
    const [first, second, silent] = world.destinations;
    expect([first!.counts.repeats, second!.counts.repeats]).toEqual([0, 0]);
    for (const { excused } of world.destinations) expect(excused.size).toBe(0); // a stop in order forgets nothing
    if (silent!.counts.breaks === 0) expect(silent!.counts.repeats).toBe(0);
  });
});
