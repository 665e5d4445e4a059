/** When lines that gather go to the log, by a clock that the test holds. */
import { beforeEach, expect, test } from "vitest";
import { Gathering } from "../../../src/ingest/queues/gathering.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

let clock: FakeClock;
let gathering: Gathering;
let flushed: number[];

beforeEach(() => {
  clock = new FakeClock();
  gathering = new Gathering(clock);
  flushed = [];
});

/** Adds gatherers that hand over a batch each. */
function add(...names: number[]): void {
  for (const name of names) {
    gathering.add({
      flush: () => {
        flushed.push(name);
        gathering.began();
      },
    });
  }
}

const many = (count: number) => Array.from({ length: count }, (_, i) => i);

test("an idle system adds no delay, and what is read in one turn goes together", async () => {
  add(1);
  add(2);
  expect(flushed).toEqual([]);
  await settled(1);
  expect(flushed).toEqual([1, 2]);
});

test("what comes while a round is being stored gathers until that is stored", async () => {
  add(1);
  await settled(1);
  add(2);
  await settled(1);
  add(3);
  await settled(1);
  expect(flushed).toEqual([1]);
  gathering.ended();
  await settled(1);
  expect(flushed).toEqual([1, 2, 3]);
});

test("a round that takes long holds up the next one for five milliseconds", async () => {
  add(1);
  await settled(1);
  add(2);
  await clock.advance(4);
  expect(flushed).toEqual([1]);
  await clock.advance(1);
  expect(flushed).toEqual([1, 2]);
});

test.each([
  [10, 1],
  [50, 5],
  [1_000, 10],
])("a round of %i batches begins %i ms after the one before", async (count, ms) => {
  add(-1);
  await settled(1);
  gathering.ended();
  add(...many(count));
  await settled(2);
  await clock.advance(ms - 0.5);
  expect(flushed).toEqual([-1]);
  await clock.advance(0.5);
  expect(flushed).toHaveLength(1 + count);
});

test("after a rest of that time nothing waits", async () => {
  add(-1);
  await settled(1);
  gathering.ended();
  await clock.advance(10);
  add(...many(1_000));
  await settled(1);
  expect(flushed).toHaveLength(1_001);
});

test("under a load of single lines rounds keep a distance of up to two milliseconds, and without it none", async () => {
  let rounds = 0;
  const line = () =>
    gathering.add({
      flush: () => {
        if (flushed.at(-1) !== clock.monotonicMs()) rounds++;
        flushed.push(clock.monotonicMs());
      },
    });
  for (let ms = 0; ms < 1_000; ms++) {
    for (let n = 0; n < 10; n++) {
      line();
      await clock.advance(0.1);
    }
  }
  expect(rounds).toBeLessThan(1_000);
  expect(rounds).toBeGreaterThan(450);
  await clock.advance(1_000);
  const before = flushed.length;
  line();
  await settled(1);
  expect(flushed).toHaveLength(before + 1);
});
