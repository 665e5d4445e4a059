/** Whatever happens, in whatever order: each line has its place once, nothing overtakes, and no bound is passed. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../../support/random.ts";
import { DeliveryModel } from "./delivery-model.ts";

const schedule = fc.record({
  seed: fc.nat(),
  steps: fc.integer({ min: 1, max: 300 }),
  isSilent: fc.boolean(),
});
const options = { numRuns: 1_000 };

function run({ seed, steps, isSilent }: { seed: number; steps: number; isSilent: boolean }): DeliveryModel {
  const random = randomFrom(seed);
  const model = new DeliveryModel((max) => Math.floor(random() * max), isSilent);
  for (let step = 0; step < steps; step++) model.act();
  model.calm();
  model.finish();
  return model;
}

const firsts = (lines: readonly number[]) => [...new Set(lines)];
const sorted = (lines: readonly number[]) => lines.toSorted((a, b) => a - b);
const totals = { lost: 0, refused: 0, filtered: 0, replayed: 0, madeUnconfirmed: 0, pipelined: 0 };

test("a destination gets every line, first in order, and the ledger says so", () => {
  fc.assert(
    fc.property(schedule, (given) => {
      const model = run(given);
      const { line, delivered, refused, lost, filtered, replayed } = model.checkpoint;
      expect(delivered + refused + lost + filtered).toBe(line);
      const taken = firsts(model.taken);
      const arrived = new Set(taken);
      const missing = model.due().filter((one) => !arrived.has(one) && !model.refused.has(one));
      // Retention may have taken a line before it was sent, or after it was sent and lost on the way.
      expect(missing.filter((one) => one >= model.first)).toEqual([]);
      if (model.first === 0)
        expect({ lost, missing, delivered }).toEqual({ lost: 0, missing: [], delivered: taken.length });
      expect(delivered).toBeLessThanOrEqual(taken.length);
      expect(missing.length).toBeLessThanOrEqual(lost);
      expect(refused).toBeLessThanOrEqual(model.refused.size);
      expect(taken).toEqual(sorted(taken));
      totals.lost += lost;
      totals.refused += refused;
      totals.filtered += filtered;
      totals.replayed += replayed;
      totals.madeUnconfirmed += model.madeUnconfirmed;
      totals.pipelined += model.pipelined;
    }),
    // Lines of a replay, and lines behind them, that a break brought back and retention took.
    { ...options, examples: [[{ seed: 729290821, steps: 64, isSilent: true }]] },
  );
  // Schedules in which nothing goes wrong prove nothing.
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(1_000);
});

test("nothing is sent twice but what a break brought back, and a replay", () => {
  fc.assert(
    fc.property(schedule, (given) => {
      const model = run(given);
      if (model.state.memory.asked !== undefined) return;
      const repeats = model.taken.length - firsts(model.taken).length;
      expect(repeats).toBeLessThanOrEqual(model.madeUnconfirmed);
    }),
    options,
  );
});

test("a destination that refuses everything costs few requests a line", () => {
  const model = new DeliveryModel(() => 0, false);
  model.isPoison = () => true;
  model.end = 400;
  model.calm();
  expect(model.checkpoint).toMatchObject({ line: 400, delivered: 0 });
  expect(model.requests).toBeLessThanOrEqual(4 * model.checkpoint.refused);
});
