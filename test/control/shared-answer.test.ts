import { expect, test } from "vitest";
import { sharedAnswer } from "../../src/control/shared-answer.ts";

/** An answer that is made when the test says so. */
function played() {
  const pending: { resolve(value: number): void; reject(error: Error): void }[] = [];
  const time = { ms: 0 };
  const make = () => new Promise<number>((resolve, reject) => pending.push({ resolve, reject }));
  return { pending, time, ask: sharedAnswer(make, 1_000, () => time.ms) };
}

test("ten thousand who ask at once are told what was found out once", async () => {
  const { pending, ask } = played();
  const asked = Array.from({ length: 10_000 }, () => ask());
  pending[0]!.resolve(7);
  expect(new Set(await Promise.all(asked))).toEqual(new Set([7]));
  expect(pending).toHaveLength(1);
});

test("an answer is told until it is old, counted from when it was there", async () => {
  const { pending, time, ask } = played();
  const first = ask();
  time.ms = 5_000;
  const waiting = ask();
  pending[0]!.resolve(1);
  expect(await Promise.all([first, waiting])).toEqual([1, 1]);
  time.ms = 5_999;
  expect(await ask()).toBe(1);
  time.ms = 6_000;
  const second = ask();
  pending[1]!.resolve(2);
  expect(await second).toBe(2);
});

test("a failure is told to those who waited, and the next one tries again", async () => {
  const { pending, ask } = played();
  const asked = [ask(), ask()];
  pending[0]!.reject(new Error("no"));
  for (const one of asked) await expect(one).rejects.toThrow("no");
  const next = ask();
  pending[1]!.resolve(3);
  expect(await next).toBe(3);
});
