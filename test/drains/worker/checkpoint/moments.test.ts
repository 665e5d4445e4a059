/** One wait for all who wait for the same moment: what many busy drains cost in timers. */
import { pino } from "pino";
import { expect, test } from "vitest";
import { Checkpoint } from "../../../../src/drains/worker/checkpoint/checkpoint.ts";
import { Moments } from "../../../../src/drains/worker/checkpoint/moments.ts";
import { openMemory } from "../../../../src/engines/memory.ts";
import { firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { FakeClock, settled } from "../../../support/fake-clock.ts";
import { drainOf, keepAll } from "../../rig.ts";

test("all who go by a clock wake at their moments, in the order in which they came, and not within the call", async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const beganMs = clock.monotonicMs();
  const wake = (name: string, afterMs: number) =>
    Moments.of(clock).wake(
      { woken: (atMs) => void woken.push(`${name} ${atMs - beganMs}`) },
      beganMs + afterMs,
    );
  wake("late", 20);
  wake("first", 10);
  wake("second", 10);
  wake("past", -5);
  expect(clock.sleeping).toBe(3);
  expect(woken).toEqual([]);
  await clock.advance(0);
  expect(woken).toEqual(["past -5"]);
  await clock.advance(10);
  wake("again", 20);
  await clock.advance(10);
  expect(woken).toEqual(["past -5", "first 10", "second 10", "late 20", "again 20"]);
  expect(clock.sleeping).toBe(0);
});

test("whoever waits for the same moment while it comes is woken by the next look", async () => {
  const clock = new FakeClock();
  const atMs = clock.monotonicMs() + 10;
  let times = 0;
  const again = { woken: () => void (++times < 3 && Moments.of(clock).wake(again, atMs)) };
  Moments.of(clock).wake(again, atMs);
  await clock.advance(10);
  expect(times).toBe(3);
});

test("a hundred busy drains wait for the writes of their checkpoints with one timer", async () => {
  const clock = new FakeClock();
  const { store } = await openMemory({ clock, retention: keepAll });
  const options = { store, clock, logger: pino({ level: "silent" }), commitMsMax: 50 };
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, at) => Checkpoint.open(drainOf(at), options, () => {})),
  );
  const before = clock.sleeping;
  for (let line = 1; line <= 20; line++) {
    for (const one of all) one.set({ ...firstCheckpoint(drainOf(0)), line, delivered: line });
    await settled(1);
    expect(clock.sleeping - before).toBeLessThanOrEqual(1);
    await clock.advance(10);
  }
  await Promise.all(all.map((one) => one.close()));
  for (const one of all) expect(one.storedLine).toBe(20);
});
