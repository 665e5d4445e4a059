import { fstatSync, readdirSync, readlinkSync, truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LineSource } from "../../../cli/local/parcel.ts";
import { SpillFile } from "../../../cli/local/spill-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-spill-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const source = (pri: number) =>
  new LineSource(
    { appname: "x", host: () => "h", endpoint: async () => null as never },
    { pri, process: "web.1" },
  );
const sources = [source(190), source(187)] as const;

/** The descriptors of its files: they have no name. */
const filesOf = (): readonly number[] =>
  readdirSync("/proc/self/fd")
    .map(Number)
    .filter((file) => {
      try {
        return readlinkSync(`/proc/self/fd/${file}`).startsWith(folder);
      } catch {
        return false; // the one that the list was read from
      }
    });

test("lines come out as they went in, in their order, however both are mixed", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        bytes: fc.uint8Array({ maxLength: 200 }),
        repeated: fc.integer({ min: 1, max: 1_500 }),
        source: fc.nat(1),
        whole: fc.boolean(),
      }),
      fc.constant("shift" as const),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, (steps) => {
      const spill = new SpillFile({ bytesMax: 1 << 30, partBytesMax: 300_000, folder });
      const model: { bytes: Buffer; source: LineSource; whole: boolean; atMs: number }[] = [];
      const shift = () => {
        expect(spill.shift()).toEqual(model.shift());
        expect(spill.lines).toBe(model.length);
      };
      for (const [atMs, step] of steps.entries()) {
        if (step === "shift") {
          for (let n = 0; n < 100; n++) shift();
          continue;
        }
        const bytes = Buffer.alloc(step.bytes.length * step.repeated, step.bytes);
        const line = { source: sources[step.source]!, whole: step.whole, atMs };
        expect(spill.add(line, Buffer.concat([Buffer.from("…"), bytes]), 3, 3 + bytes.length)).toBe(true);
        model.push({ ...line, bytes });
      }
      while (model.length > 0) shift();
      spill.discard();
      expect(readdirSync(folder)).toEqual([]); // its name is gone from the start
    }),
    { numRuns: 50 },
  );
});

test("its bound is one of what waits: what was handed out makes room", () => {
  const spill = new SpillFile({ bytesMax: 1_000, folder });
  const line = { source: sources[0], whole: true, atMs: 0 };
  const bytes = Buffer.alloc(85);
  for (let n = 0; n < 10; n++) expect(spill.add(line, bytes, 0, 85)).toBe(true);
  expect(spill.add(line, bytes, 0, 85)).toBe(false);
  spill.shift();
  expect(spill.add(line, bytes, 0, 85)).toBe(true);
  spill.discard();
});

test("a disk that takes nothing is a full one; what was taken before is still there", () => {
  const spill = new SpillFile({ bytesMax: 1 << 30, folder: "/nowhere" });
  const line = { source: sources[0], whole: true, atMs: 0 };
  const bytes = Buffer.alloc(100_000);
  let taken = 0;
  while (spill.add(line, bytes, 0, bytes.length)) taken++;
  expect(taken).toBe(2);
  expect([spill.shift(), spill.shift(), spill.shift()].filter((found) => found !== undefined)).toHaveLength(
    2,
  );
});

test("its bound is one of the disk, too, however long it is never empty", () => {
  const bytesMax = 2_000_000;
  const spill = new SpillFile({ bytesMax, partBytesMax: 300_000, folder });
  const line = { source: sources[0], whole: true, atMs: 0 };
  const bytes = Buffer.alloc(50_000);
  let most = 0;
  for (let n = 0; n < 300; n++) {
    expect(spill.add(line, bytes, 0, bytes.length)).toBe(true);
    if (n >= 20) expect(spill.shift()!.bytes.length).toBe(50_000);
    most = Math.max(
      most,
      filesOf().reduce((sum, file) => sum + fstatSync(file).size, 0),
    );
  }
  expect(spill.lines).toBe(20);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(bytesMax);
  expect(spill.discard()).toBe(20);
  expect(filesOf()).toEqual([]);
});

test("lines that cannot be read back are no endless wait, and their number is known", () => {
  const spill = new SpillFile({ bytesMax: 1 << 30, folder });
  const line = { source: sources[0], whole: true, atMs: 7 };
  const bytes = Buffer.alloc(100_000);
  for (let n = 0; n < 10; n++) expect(spill.add(line, bytes, 0, bytes.length)).toBe(true);
  for (const file of filesOf()) truncateSync(`/proc/self/fd/${file}`, 250_000);
  expect([spill.shift(), spill.shift()].map((found) => found!.bytes.length)).toEqual([100_000, 100_000]);
  expect(spill.shift()).toBeUndefined();
  expect([spill.discard(), spill.lines, spill.sinceMs]).toEqual([8, 0, 7]);
  expect(spill.add(line, bytes, 0, 3)).toBe(true);
  expect(spill.shift()!.bytes.length).toBe(3);
});
