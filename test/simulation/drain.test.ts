/** One process and its drains in worlds where anything fails: the Store, the log, destinations, connections, the process. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../support/random.ts";
import { type DrainPlan, type Plan, Simulator } from "./simulator.ts";
import { schedule } from "./steps.ts";

const runs = Number(process.env.RUNS ?? 500);
const seed = Number(process.env.SEED ?? 1);
/** Whether a failing schedule is shortened, which takes minutes. */
const isShrinking = process.env.SHRINK !== undefined;

/** Chooses all parts of a world at random. */
function planOf(seed: number): Plan {
  const random = randomFrom(seed);
  const oneOf = <Item>(...items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const drains = Array.from({ length: oneOf(1, 2, 3) }, (): DrainPlan => {
    const isSilent = random() < 0.4;
    return {
      hasFilter: random() < 0.4,
      faulty: oneOf(0, 0.2, 0.7),
      linesMax: oneOf(Infinity, Infinity, 4, 1),
      refuses: isSilent ? "nothing" : oneOf("nothing", "anything", "anything", "disliked"),
      isSilent,
      quietMs: oneOf(5, 50, 250),
    };
  });
  const trimming = {
    channelLinesMax: 5 + Math.floor(random() * 60),
    ageMsMax: oneOf(120_000, Infinity, Infinity),
  };
  return {
    seed,
    drains,
    mood: "erratic",
    ...(random() < 0.4 && { retention: trimming }),
    limits: {
      parcelLinesMax: oneOf(3, 20, 2_000),
      parcelBytesMax: oneOf(300, 2_000, 500_000),
      probeBytesMax: oneOf(100, 1_000),
      readAheadBytesMax: oneOf(500, 5_000),
      unsettledLinesMax: oneOf(6, 10_000),
      unsettledParcelsMax: oneOf(2, 8),
    },
    socketsMax: oneOf(1, 2, 100),
    readAheadBytesMax: oneOf(1, 1_000_000),
    storeFails: 0.03,
    logFails: 0.01,
  };
}

const schedules = schedule({
  odds: { lines: 55, pass: 30, break: 4, crash: 5, restart: 2, pause: 3, resume: 4, replay: 3 },
  passMs: fc.constantFrom(0, 10, 60, 400, 3_000, 40_000),
  lengths: { minLength: 10, maxLength: 70 },
});

test(`${runs} worlds of faults: no line is lost uncounted, first deliveries are in order, ledgers add up`, async () => {
  const totals: Record<string, number> = {};
  const add = (name: string, count: number) => {
    totals[name] = (totals[name] ?? 0) + count;
  };
  const property = fc.asyncProperty(fc.nat(), schedules, async (chance, steps) => {
    const world = await Simulator.open(planOf(chance));
    for (const step of steps) await world.take(step);
    await world.heal();
    expect(await world.flaws()).toEqual([]);
    for (const destination of world.destinations) {
      const { lost, refused, replayed } = await world.state(destination);
      const { taken, ...counts } = destination.counts;
      for (const [name, count] of Object.entries({ ...counts, lost, refused, replayed })) add(name, count);
      add("excused", destination.excused.size);
    }
    add("lines", world.lines);
    await world.close();
  });
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: !isShrinking });
  if (runs < 500) return;
  // Worlds in which nothing goes wrong prove nothing, nor do those in which much is excused.
  const { excused = 0, ...faults } = totals;
  for (const [name, count] of Object.entries(faults)) expect(count, name).toBeGreaterThan(50);
  expect(excused).toBeLessThan(faults.gone! / 10);
}, 300_000);
