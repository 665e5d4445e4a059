/** Several drain nodes share the drains whatever befalls them: nothing is lost, counted twice or written by two. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../support/random.ts";
import type { SimNode } from "./sim-node.ts";
import { type DrainPlan, type Plan, Simulator } from "./simulator.ts";
import { schedule } from "./steps.ts";

const runs = Number(process.env.RUNS ?? 1_500);
const seed = Number(process.env.SEED ?? 1);
/** Whether a failing schedule is shortened, which takes minutes. */
const isShrinking = process.env.SHRINK !== undefined;
const shards = 4;

/** Chooses all parts of a cluster at random. */
function planOf(seed: number): Plan {
  const random = randomFrom(seed);
  const oneOf = <Item>(...items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const drains = Array.from({ length: oneOf(1, 2, 3) }, (): DrainPlan => {
    const isSilent = random() < 0.4;
    return {
      hasFilter: random() < 0.3,
      faulty: oneOf(0, 0.2, 0.6),
      linesMax: oneOf(Infinity, Infinity, 5),
      refuses: !isSilent && random() < 0.2 ? "disliked" : "nothing",
      isSilent,
      quietMs: oneOf(5, 50, 250),
    };
  });
  return {
    seed,
    channels: 3,
    drains,
    mood: "erratic",
    nodes: oneOf(1, 2, 3),
    shards,
    limits: {
      parcelLinesMax: oneOf(4, 30, 2_000),
      parcelBytesMax: oneOf(400, 500_000),
      probeBytesMax: oneOf(200, 16_000),
      readAheadBytesMax: oneOf(1_000, 5_000, 2_000_000),
      unsettledParcelsMax: oneOf(2, 8),
      commitMsMax: oneOf(50, 1_000),
      retry: { delayMsMin: 100, delayMsMax: 2_000, factor: 2, attemptsMax: 10, jitter: 0.2 },
    },
  };
}

const schedules = schedule({
  odds: {
    lines: 70,
    pass: 50,
    break: 6,
    start: 10,
    stop: 8,
    crash: 10,
    "cut off": 20,
    freeze: 14,
    heal: 12,
    pause: 4,
    resume: 4,
    add: 3,
    remove: 3,
  },
  passMs: fc.constantFrom(50, 200, 1_000, 3_000, 6_000),
  lengths: { minLength: 8, maxLength: 38 },
});

test(`${runs} schedules of nodes that come, go, die, freeze and are cut off: each line arrives, ledgers are exact, who has no lease writes nothing`, async () => {
  const totals: Record<string, number> = {};
  const add = (name: string, count: number) => {
    totals[name] = (totals[name] ?? 0) + count;
  };
  const property = fc.asyncProperty(fc.nat(), schedules, async (chance, steps) => {
    const world = await Simulator.open(planOf(chance));
    for (const step of steps) await world.take(step);
    await world.heal();
    for (const destination of world.destinations) {
      const { lost, refused } = await world.state(destination);
      expect(lost).toBe(0);
      const { replays, ...counts } = destination.counts;
      for (const [name, count] of Object.entries({ ...counts, refused })) add(name, count);
      add("excused", destination.excused.size);
      if (destination.traits.isSilent) add("renamed", -destination.counts.renamed);
    }
    await world.close();
    expect(await world.flaws()).toEqual([]);
    for (const [name, count] of Object.entries(world.witness.counts)) add(name, count);
    add("lines", world.lines);
  });
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: !isShrinking });
  // Schedules in which nothing goes wrong prove nothing, nor do those in which much is excused.
  if (runs < 1_000) return;
  const { renamed = 0, excused = 0, ...faults } = totals;
  for (const [name, count] of Object.entries(faults)) expect(count, name).toBeGreaterThan(50);
  // What comes again comes under its first parcel id, but where a destination had parcels split.
  expect(renamed).toBeLessThan(faults.repeats! / 100);
  expect(excused).toBeLessThan(faults.gone! / 10);
}, 300_000);

test("a node that comes takes its part of the work within 10 seconds, and one that goes leaves it, whichever way", async () => {
  const drains = Array.from({ length: 12 }, () => ({}));
  const world = await Simulator.open({ seed: 1, nodes: 2, shards, drains, channels: 12 });
  const workers = () => [...world.witness.takeSenders()].map(({ name }) => name).sort();
  const feed = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      for (let channel = 0; channel < 12; channel++) await world.append(channel, 1);
      await world.pass(500);
    }
  };
  await feed(10_000);
  expect(workers()).toEqual(["n1", "n2"]);
  for (const leave of [
    (node: SimNode) => world.stop(node),
    (node: SimNode) => node.kill(),
    (node: SimNode) => node.cutOff(true),
    (node: SimNode) => node.freeze(),
  ]) {
    await world.start();
    const third = world.nodes.at(-1)!;
    await feed(10_000);
    workers();
    await feed(1_000);
    expect(workers()).toEqual(["n1", "n2", third.name]);
    leave(third);
    await feed(10_000);
    workers();
    await feed(1_000);
    expect(workers()).toEqual(["n1", "n2"]);
    third.kill();
  }
  await world.heal();
  await world.close();
  expect(await world.flaws()).toEqual([]);
});
