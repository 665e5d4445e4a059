import { expect, test } from "vitest";
import { Budgets } from "../../src/patterns/budgets.ts";

function budgets() {
  let nowMs = 0;
  const of = new Budgets({ burstMs: 1_000, msPerSecond: 100 }, () => nowMs);
  return { of, pass: (ms: number) => (nowMs += ms) };
}

test("so much may be spent at once, and then so much each second", () => {
  const { of, pass } = budgets();
  expect(of.left("a")).toBe(1_000);
  of.spend("a", 900);
  expect(of.left("a")).toBe(100);
  pass(1_000);
  expect(of.left("a")).toBe(200);
  pass(60_000);
  expect(of.left("a")).toBe(1_000);
});

test("what was spent too much has to come in again", () => {
  const { of, pass } = budgets();
  of.spend("a", 1_500);
  expect(of.left("a")).toBe(-500);
  expect(of.waitMs("a")).toBe(5_000);
  pass(5_000);
  expect(of.left("a")).toBe(0);
  expect(of.waitMs("b")).toBe(0);
});

test("each owner has his own, and those who rest are forgotten", () => {
  const { of, pass } = budgets();
  for (let n = 0; n < 5_000; n++) of.spend(`owner ${n}`, 10);
  expect(of.left("owner 3")).toBe(990);
  expect(of.left("other")).toBe(1_000);
  expect(of.size).toBe(5_000);
  pass(60_000);
  for (let n = 0; n < 12_000; n++) of.spend(`later ${n}`, 10);
  expect(of.size).toBeLessThanOrEqual(12_000);
});
