/** The contract that shared checkpoints of drains keep over every engine's store. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { DrainId } from "../../src/core/ids.ts";
import type { CheckpointSheets } from "../../src/drains/worker/checkpoint/checkpoint-sheets.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { Store } from "../../src/ports.ts";
import { type DrainCheckpoint, firstCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { type DrainSheet, sheetDrainsMax, storedCheckpoint } from "../../src/registry/drain-sheet.ts";
import { drainOf, sheetsOf } from "../drains/rig.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { keepsAll, type OpenEngine } from "./channel-log.ts";

/** Runs the contract; `open` gives an empty engine each time. */
export function checkpointSheetsContract(name: string, open: OpenEngine): void {
  describe(`Checkpoint sheets: ${name}`, () => {
    let engine: Engine;
    let store: Store;
    let conflicts: number;

    const none = () => {};
    const sheets = (lease: number): CheckpointSheets =>
      sheetsOf(store, lease, { clock: realClock, commitMsMax: 1 });
    const at = (line: number): DrainCheckpoint => ({
      ...firstCheckpoint(drainOf(1)),
      line,
      delivered: line,
    });
    const lineOf = async (number: number) =>
      ((await storedCheckpoint(store, drainOf(number))) as DrainCheckpoint | undefined)?.line;
    const stored = async () => {
      const found: DrainSheet[] = [];
      for await (const { value } of store.list<DrainSheet>("drain-sheet/")) found.push(value);
      return found;
    };

    beforeEach(async () => {
      conflicts = 0;
      engine = await open({ clock: new FakeClock(), retention: keepsAll });
      store = engine.store;
    });
    afterEach(() => engine.close());

    test("those of one lease are one record, and whoever takes it over goes on with each", async () => {
      const first = sheets(1);
      const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
      const all = await Promise.all(numbers.map((number) => first.open(drainOf(number), none)));
      for (const [i, checkpoint] of all.entries()) checkpoint.set(at(i + 1));
      await Promise.all(all.map((checkpoint) => checkpoint.close()));
      const [sheet, ...others] = await stored();
      expect(others).toEqual([]);
      expect(Object.keys(sheet!.drains)).toHaveLength(20);
      const next = sheets(2);
      for (const number of numbers)
        expect((await next.open(drainOf(number), none)).latest).toEqual(at(number));
    });

    test("more drains than one takes are on several", async () => {
      const node = sheets(1);
      const numbers = Array.from({ length: 2 * sheetDrainsMax + 1 }, (_, i) => i + 1);
      await Promise.all(numbers.map((number) => node.open(drainOf(number), none)));
      const sizes = (await stored()).map(({ drains }) => Object.keys(drains).length);
      expect(sizes.sort((a, b) => a - b)).toEqual([1, sheetDrainsMax, sheetDrainsMax]);
    });

    test("who held the lease before writes nothing any more, of no drain, and is told for each", async () => {
      const early = sheets(1);
      const all = await Promise.all([1, 2].map((n) => early.open(drainOf(n), () => conflicts++)));
      const late = await sheets(2).open(drainOf(1), none);
      expect(await late.setNow(at(7))).toBe(true);
      expect(await all[1]!.setNow(at(9))).toBe(false);
      expect(await all[0]!.setNow(at(9))).toBe(false);
      expect(all.map(({ isTakenOver }) => isTakenOver)).toEqual([true, true]);
      expect(conflicts).toBe(2);
      expect([await lineOf(1), await lineOf(2)]).toEqual([7, 0]);
      const again = await early.open(drainOf(2), none);
      expect(again.isTakenOver).toBe(true);
      expect(await again.setNow(at(9))).toBe(false);
    });

    test("of two nodes that bring a drain in at once, one has it", async () => {
      const nodes = [sheets(1), sheets(2)];
      for (let number = 1; number <= 20; number++) {
        const [early, late] = await Promise.all(nodes.map((node) => node.open(drainOf(number), none)));
        expect(await late!.setNow(at(5))).toBe(true);
        expect(await early!.setNow(at(9))).toBe(false);
        expect(await lineOf(number)).toBe(5);
      }
    });

    test("a checkpoint of an earlier version, in a record of its own, is brought in; programs before leave it alone", async () => {
      const { version, replayed, ...rest } = at(4);
      const revision = (await store.put("drain-state/drain-1", { ...rest, phase: "idle", lease: 6 }, 0))!;
      const outOfDate = await sheets(5).open(drainOf(1), none);
      expect([outOfDate.isTakenOver, outOfDate.latest.line]).toEqual([true, 4]);
      const checkpoint = await sheets(7).open(drainOf(1), none);
      expect(checkpoint.latest).toMatchObject({ ...at(4) });
      expect(await store.put("drain-state/drain-1", { ...rest, line: 5 }, revision)).toBeUndefined();
      expect((await store.get("drain-state/drain-1"))?.value).toMatchObject({ version: 3 });
      expect(await lineOf(1)).toBe(4);
    });

    test("a drain that is removed leaves nothing, whether somebody watched or not", async () => {
      const node = sheets(1);
      for (const number of [1, 2, 3]) await node.open(drainOf(number), none);
      await node.forget("drain-1");
      expect((await stored()).map(({ drains }) => Object.keys(drains))).toEqual([["drain-2", "drain-3"]]);
      await node.close();
      await store.put("drain/drain-3", drainOf(3), 0);
      const { signal } = new AbortController();
      const next = sheets(2);
      await next.sweep(() => false, signal);
      expect((await stored()).map(({ drains }) => Object.keys(drains))).toEqual([["drain-3"]]);
      await next.forget("drain-3");
      expect(await stored()).toEqual([]);
      expect((await next.open(drainOf(4), none)).isTakenOver).toBe(false);
      expect(await stored()).toHaveLength(1);
    });

    test("a full one of the largest checkpoints is a record that the store takes", async () => {
      const node = sheets(1);
      const numbers = Array.from({ length: sheetDrainsMax }, (_, i) => i + 1);
      const drains = numbers.map((number) => ({
        ...drainOf(number),
        id: `${"i".repeat(30)}${number}` as DrainId,
      }));
      const all = await Promise.all(drains.map((drain) => node.open(drain, none)));
      const position = `${"9".repeat(16)}.${"9".repeat(9)}.${"i".repeat(32)}.${"m".repeat(16)}`;
      const line = Number.MAX_SAFE_INTEGER;
      const stretch = { position, line, endLine: line, counted: line } as never;
      const largest = {
        ...at(line),
        position: position as never,
        startLine: -line,
        deliveredAt: new Date(0).toISOString(),
        rate: { perSecond: 1 / 3, atMs: line },
        failing: { nextAttemptAt: new Date(0).toISOString(), cause: "certificate" as never },
        lastError: { at: new Date(0).toISOString(), message: "\u0001".repeat(10_000) },
        parcelEnd: line,
        expiryToldAtMs: line,
        replay: { id: "r".repeat(64), position: position as never },
        unconfirmed: Array(4).fill(stretch),
      };
      for (const checkpoint of all.slice(1)) checkpoint.set(largest);
      expect(await all[0]!.setNow(largest)).toBe(true);
      expect(await stored()).toHaveLength(1);
    });
  });
}
