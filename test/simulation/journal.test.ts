import { afterEach, expect, test, vi } from "vitest";
import { JournalWorld } from "./journal-world.ts";

const seeds = Number(process.env.SEEDS ?? 400);
const firstSeed = Number(process.env.SEED ?? 1);
const stepsMax = 60;

afterEach(() => vi.restoreAllMocks());

test(`${seeds} lives on failing disks: what was acknowledged is there, once, and what was destroyed is nowhere`, async () => {
  const totals = { batches: 0, failures: 0, crashes: 0, destroyed: 0, damages: 0, repeats: 0 };
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    try {
      const world = new JournalWorld(seed);
      // A seed is the same life on every machine.
      vi.spyOn(performance, "now").mockImplementation(() => world.clock.monotonicMs());
      const steps = 5 + Math.floor(world.random() * stepsMax);
      for (let step = 0; step < steps; step++) await world.step();
      await world.end();
      await world.flip();
      for (const [name, count] of Object.entries(world.totals)) totals[name as keyof typeof totals] += count;
    } catch (cause) {
      const how = `seed ${seed} (run it alone with SEED=${seed} SEEDS=1)`;
      throw new Error(`${how}: ${(cause as Error).message}`, { cause });
    }
  }
  // A life in which nothing goes wrong proves nothing.
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(seeds / 20);
});
