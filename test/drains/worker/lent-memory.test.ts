/** Batches in memory that is used again: what a drain gives back nobody reads through it any more, and it gives all back. */
import { afterEach, expect, test } from "vitest";
import type { Parcel, Sink } from "../../../src/ports.ts";
import type { DrainCheckpoint } from "../../../src/registry/drain-checkpoint.ts";
import { storedCheckpoint } from "../../../src/registry/drain-sheet.ts";
import { delivered, Rig, retry, textsOfParcel } from "../rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `line ${from + i}`);

async function write(batches: number): Promise<void> {
  for (let n = 0; n < batches; n++) await rig.append(numbered(3, 3 * n));
}

// Not by what the owner sees: that reads a batch of what waits, and keeps it.
const isSettled = async (lines: number) =>
  ((await storedCheckpoint(rig.store, rig.drain)) as DrainCheckpoint | undefined)?.line === lines;

/** Batches that were handed over and not given back, with the next line on its way: what came before that is behind the drain. */
async function heldAfter(lines: number): Promise<number> {
  await rig.append(["next"]);
  await rig.until(() => isSettled(lines + 1));
  return rig.log.lent - rig.log.returned;
}

test("over a protocol without answers a parcel stays as it is until it is on its way, and then all of it is given back", async () => {
  rig = await Rig.open({ bounds: { parcelLinesMax: 5 } });
  const read: string[] = [];
  const wiped: string[] = [];
  const sink: Sink = {
    async deliver(parcel: Parcel, _signal, onSent) {
      await rig.clock.sleep(10);
      read.push(...textsOfParcel(parcel));
      onSent?.();
      await rig.clock.sleep(10);
      wiped.push(...textsOfParcel(parcel));
      return delivered;
    },
    giveUp: () => {},
    close: async () => {},
  };
  await write(30);
  await rig.work({}, { sinkFor: () => sink });
  await rig.until(() => isSettled(90));
  expect(read).toEqual(numbered(90));
  expect(wiped.filter((text) => text !== "").length).toBeLessThan(15); // but the first parcel, which is made anew, and halves of batches
  expect(await heldAfter(90)).toBeLessThanOrEqual(1);
});

test("with answers it is given back when they are good; what failed is left to the collector", async () => {
  rig = await Rig.open({ bounds: { parcelLinesMax: 5 } });
  rig.script = (_, index) => (index === 2 ? retry : delivered);
  await rig.work();
  await write(30);
  await rig.until(() => isSettled(90));
  expect(rig.received).toEqual(numbered(90));
  expect(await heldAfter(90)).toBeLessThanOrEqual(10); // with those of the parcels that were made when it failed
});

test("what a filter looks at, a turn at a time, is held while it does", async () => {
  rig = await Rig.open({ drain: { filter: { level: "info", exclude: "no such words" } } });
  await write(30);
  await rig.work();
  await rig.until(() => isSettled(90));
  expect(rig.received).toEqual(numbered(90));
  expect(await heldAfter(90)).toBeLessThanOrEqual(1);
});
