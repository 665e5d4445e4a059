/** prom-client's own histogram is the oracle of ours. */
import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { QuickHistogram } from "../../src/metrics/quick-histogram.ts";

const name = "seconds";
const help = "What it is.";
const buckets = [0.005, 0.1, 1, 30];
const verdicts = ["delivered", "retry", "split"] as const;
const seconds = fc.oneof(fc.double({ min: 0, max: 60, noNaN: true }), fc.constantFrom(...buckets));

test("with a label it prints what prom-client's histogram prints", async () => {
  const observed = fc.array(fc.tuple(fc.constantFrom(...verdicts), seconds));
  await fc.assert(
    fc.asyncProperty(observed, async (all) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const quick = new QuickHistogram({
        name,
        help,
        buckets,
        label: { name: "verdict", values: verdicts },
        registers: [ours],
      });
      const oracle = new Histogram({ name, help, buckets, labelNames: ["verdict"], registers: [theirs] });
      for (const [verdict, value] of all) {
        quick.of[verdict].observe(value);
        oracle.observe({ verdict }, value);
      }
      const sorted = async (registry: Registry) => (await registry.metrics()).split("\n").sort();
      expect(await sorted(ours)).toEqual(await sorted(theirs));
    }),
  );
});

test("without a label it prints the same, also when nothing was observed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(seconds), async (all) => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const quick = new QuickHistogram({ name, help, buckets, registers: [ours] });
      const oracle = new Histogram({ name, help, buckets, registers: [theirs] });
      for (const value of all) {
        quick.of[""].observe(value);
        oracle.observe(value);
      }
      expect(await ours.metrics()).toEqual(await theirs.metrics());
    }),
  );
});

test("what is no number is a fault of the program", () => {
  const { of } = new QuickHistogram({ name, help, buckets, registers: [] });
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => of[""].observe(value)).toThrow("a number is observed");
});
