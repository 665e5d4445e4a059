import { expect, test } from "vitest";
import { PullSlots, pullsMax } from "../../../src/engines/nats/wire/pull-slots.ts";

test("so many pulls are on their way at a time; the others go in their order", async () => {
  const slots = new PullSlots();
  const gone: number[] = [];
  const total = 3 * pullsMax;
  const all = Array.from({ length: total }, (_, i) => slots.take().then(() => gone.push(i)));
  await Promise.all(all.slice(0, pullsMax));
  expect(gone).toHaveLength(pullsMax);
  for (let released = 1; released <= total - pullsMax; released++) {
    slots.release();
    await all[pullsMax + released - 1];
    expect(gone).toHaveLength(pullsMax + released);
  }
  expect(gone).toEqual(Array.from({ length: total }, (_, i) => i));
});
