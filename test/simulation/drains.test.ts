/**
 * Drains under any order of lines, faults, pauses, replays, stops and crashes. When all is well again every line of
 * the app has its place in each drain's ledger. fast-check prints the seed and the shortest order that fails.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { type Mood, moods } from "./receiver.ts";
import { isExcluded, type Step, World } from "./world.ts";

const options = { numRuns: 60 };
const drain = fc.nat(1);
const ms = fc.integer({ min: 1, max: 1_500 });

const lines = fc.record({ kind: fc.constant("lines" as const), count: fc.integer({ min: 1, max: 12 }) });
const pass = fc.record({ kind: fc.constant("pass" as const), ms });
const pauses = fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const), drain });
const deaths = fc.record({ kind: fc.constantFrom("crash" as const, "restart" as const) });
const replays = fc.record({ kind: fc.constant("replay" as const), drain, agoMs: ms });
const moodsOf = (of: readonly Mood[]) =>
  fc.record({ kind: fc.constant("mood" as const), drain, mood: fc.constantFrom(...of) });

/** Lines, time and faults mostly; `rare` steps in between. */
const schedule = (faults: readonly Mood[], ...rare: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: lines as fc.Arbitrary<Step> },
      { weight: 6, arbitrary: pass },
      { weight: 4, arbitrary: moodsOf(faults) },
      ...rare.map((arbitrary) => ({ weight: 2, arbitrary })),
    ),
    { minLength: 5, maxLength: 40 },
  );

async function run(steps: readonly Step[], channelLinesMax = Number.POSITIVE_INFINITY) {
  const world = await World.open(channelLinesMax);
  for (const step of steps) await world.take(step);
  const { lines: accepted, states } = await world.end();
  const drains = states.map((state, index) => {
    expectLedger(state, accepted);
    const { taken, refused } = world.receivers[index]!;
    return { state, firsts: firstsOf(taken), refused };
  });
  return { fed: world.fed, accepted, drains };
}

function expectLedger(state: DrainCheckpoint, accepted: number): void {
  const { delivered, refused, lost, filtered, line, failing } = state;
  expect({ failing, line, settled: delivered + refused + lost + filtered }).toEqual({
    failing: undefined,
    line: accepted,
    settled: accepted,
  });
}

// Numbers of the lines that a receiver took, each when it came first; notices have none.
function firstsOf(taken: readonly string[]): number[] {
  const numbered = taken.filter((text) => text.startsWith("line "));
  return [...new Set(numbered)].map((text) => Number(text.slice("line ".length)));
}

const expectOrder = (numbers: readonly number[]) =>
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));

const isExcludedNumber = (number: number) => isExcluded(`line ${number}`);
const harmless = moods.filter((mood) => mood !== "picky");

test("with a log that keeps everything each line arrives, the first time in order, and is counted once", async () => {
  await fc.assert(
    fc.asyncProperty(schedule(harmless, pauses, deaths, replays), async (steps) => {
      const { fed, accepted, drains } = await run(steps);
      const all = Array.from({ length: fed }, (_, number) => number);
      const kept = all.filter((number) => !isExcludedNumber(number));
      expect(drains.map(({ firsts }) => firsts)).toEqual([kept, all]);
      expect(drains.map(({ state: { delivered, filtered } }) => ({ delivered, filtered }))).toEqual([
        { delivered: accepted - fed + kept.length, filtered: fed - kept.length },
        { delivered: accepted, filtered: 0 },
      ]);
    }),
    options,
  );
});

test("where retention passes a drain, what never arrived is counted as lost, and no order is broken", async () => {
  await fc.assert(
    fc.asyncProperty(schedule(harmless, pauses, deaths, replays), async (steps) => {
      const { fed, accepted, drains } = await run(steps, 20);
      for (const [index, { state, firsts }] of drains.entries()) {
        expectOrder(firsts);
        // A line may have been taken and its answer lost: then it arrived and is counted as lost all the same.
        const notices = accepted - fed;
        expect(state.delivered).toBeLessThanOrEqual(firsts.length + notices);
        expect(fed - firsts.length).toBeLessThanOrEqual(state.lost + state.filtered);
        if (index === 1) expect(state.filtered).toBe(0);
        expect(state.refused).toBe(0);
      }
    }),
    options,
  );
});

test("what a destination refuses is passed and counted, whatever else happens", async () => {
  await fc.assert(
    fc.asyncProperty(schedule(moods, pauses, deaths), async (steps) => {
      const { fed, drains } = await run(steps);
      for (const { state, firsts, refused } of drains) {
        expectOrder(firsts.filter((number) => !refused.has(`line ${number}`)));
        expect(fed - firsts.length).toBeLessThanOrEqual(state.refused + state.filtered);
        expect(state.lost).toBe(0);
      }
    }),
    options,
  );
});

test("without a crash and without a lost answer nothing is sent twice", async () => {
  const honest = moods.filter((mood) => mood !== "forgetful");
  const restarts = fc.constant({ kind: "restart" } as const);
  await fc.assert(
    fc.asyncProperty(schedule(honest, restarts), async (steps) => {
      const world = await World.open(Number.POSITIVE_INFINITY);
      for (const step of steps) await world.take(step);
      await world.end();
      for (const { taken } of world.receivers) {
        const numbered = taken.filter((text) => text.startsWith("line "));
        expect(numbered).toEqual([...new Set(numbered)]);
      }
    }),
    options,
  );
});
