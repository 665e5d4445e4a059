import fc from "fast-check";
import { expect, test } from "vitest";
import { endOf, positionIn, type StoredBatch } from "../../../src/core/batch/batch.ts";
import {
  type Cut,
  compact,
  cutParcel,
  type KeptOf,
  type ParcelLimits,
  parcelId,
} from "../../../src/drains/worker/parcel.ts";
import { batchOf, textsOf } from "../../support/batches.ts";
import { textsOfParcel } from "../rig.ts";

const name = "d.1 ";
const all = { linesMax: 1e9, bytesMax: 1e9, endLine: Number.POSITIVE_INFINITY };

/** Keeps lines whose text matches. */
const keptBy = (match: string | undefined): KeptOf | undefined =>
  match === undefined
    ? undefined
    : (batch) => Uint8Array.from(textsOf(batch), (text) => (new RegExp(match).test(text) ? 1 : 0));

/** Batches without a gap from `line` on. */
function stored(batches: readonly (readonly string[])[], line = 0): StoredBatch[] {
  let next = line;
  return batches.map((texts) => {
    const at = next;
    next += texts.length;
    return { ...batchOf(texts), line: at, sequence: at, acceptedAtMs: at, incarnation: "test0" };
  });
}

const batchesOf = fc
  .array(
    fc.array(fc.string({ minLength: 0, maxLength: 40, unit: fc.constantFrom("a", "b", "-", "7") }), {
      minLength: 1,
      maxLength: 6,
    }),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((batches) => stored(batches, 100));
const limitsOf = fc.record({
  linesMax: fc.integer({ min: 1, max: 12 }),
  bytesMax: fc.integer({ min: 1, max: 700 }),
  endLine: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 101, max: 140 })),
});
const frameBytes = (text: string) => batchOf([text]).bytes.length;

/** Cuts until nothing is left before the end. */
function cutAll(
  batches: readonly StoredBatch[],
  start: number,
  filter: KeptOf | undefined,
  limits: ParcelLimits,
): Cut[] {
  const final = batches.at(-1)!;
  const end = Math.min(limits.endLine, final.line + final.count);
  const cuts: Cut[] = [];
  for (let line = start; line < end; ) {
    const left = batches.filter((batch) => batch.line + batch.count > line);
    const made = cutParcel(left, line, filter, limits, name);
    const { endLine } = made.cut;
    expect(endLine).toBeGreaterThan(line);
    expect(endLine).toBeLessThanOrEqual(end);
    line = endLine;
    cuts.push(made);
  }
  return cuts;
}

test("cuts cover every line once and in order, filtered ones as filtered, whatever the bounds", () => {
  fc.assert(
    fc.property(
      batchesOf,
      limitsOf,
      fc.option(fc.constantFrom("a", "b7", "^$"), { nil: undefined }),
      fc.nat(),
      (batches, limits, match, seed) => {
        const filter = keptBy(match);
        const lines = batches.flatMap((batch) => textsOf(batch));
        const start = 100 + (seed % batches[0]!.count);
        const end = Math.min(limits.endLine, 100 + lines.length);
        if (start >= end) return;
        const due = lines.slice(start - 100, end - 100);
        const kept = due.filter((text) => match === undefined || new RegExp(match).test(text));
        const cuts = cutAll(batches, start, filter, limits);
        expect(cuts.flatMap(({ parcel }) => (parcel ? textsOfParcel(parcel) : []))).toEqual(kept);
        expect(cuts.reduce((sum, { cut }) => sum + cut.filtered, 0)).toBe(due.length - kept.length);
        for (const { parcel, cut } of cuts) {
          if (parcel === undefined) continue;
          const { bytes } = cut;
          const texts = textsOfParcel(parcel);
          expect(parcel.count).toBe(texts.length);
          expect(parcel.count).toBeLessThanOrEqual(limits.linesMax);
          expect(bytes).toBe(texts.reduce((sum, text) => sum + frameBytes(text), 0));
          if (parcel.count > 1) expect(bytes).toBeLessThanOrEqual(limits.bytesMax);
        }
      },
    ),
  );
});

test("a cut ends where it is not known yet what the filter keeps", () => {
  const batches = stored([["a", "b"], ["a"], ["a"], ["b"]]);
  const keptOf = keptBy("a")!;
  const known: KeptOf = (batch) => (batch.line < 3 ? keptOf(batch) : undefined);
  const { cut, parcel } = cutParcel(batches, 0, known, all, name);
  expect(textsOfParcel(parcel!)).toEqual(["a", "a"]);
  expect(cut).toMatchObject({ endLine: 3, end: endOf(batches[1]!), filtered: 1 });
});

test("a cut's end is the place behind its last line, inside a batch too", () => {
  const batches = stored([["a", "b", "c"], ["d"]]);
  expect(cutParcel(batches, 0, undefined, { ...all, linesMax: 2 }, name).cut).toMatchObject({
    endLine: 2,
    end: positionIn(batches[0]!, 2),
  });
  expect(cutParcel(batches, 2, undefined, all, name).cut).toMatchObject({
    endLine: 4,
    end: positionIn(batches[1]!, 1),
  });
  expect(cutParcel(batches, 0, undefined, { ...all, endLine: 3 }, name).cut).toMatchObject({
    endLine: 3,
    end: positionIn(batches[0]!, 3),
  });
});

test("a gap in the log ends a cut: what is missing is counted first", () => {
  const [first] = stored([["a"]]);
  const [following] = stored([["z"]], 5);
  const { cut, parcel } = cutParcel([first!, following!], 0, undefined, all, name);
  expect(textsOfParcel(parcel!)).toEqual(["a"]);
  expect(cut.endLine).toBe(1);
});

test("half the bytes make at least two parcels of the same lines, down to single ones", () => {
  fc.assert(
    fc.property(batchesOf, (batches) => {
      const whole = cutParcel(batches, 100, undefined, all, name);
      for (let limits = all; ; ) {
        const cuts = cutAll(batches, 100, undefined, limits);
        expect(cuts.flatMap(({ parcel }) => textsOfParcel(parcel!))).toEqual(textsOfParcel(whole.parcel!));
        const [first] = cuts;
        if (first!.parcel!.count === 1) break;
        limits = { ...limits, bytesMax: Math.ceil(first!.cut.bytes / 2) };
        const halved = cutParcel(batches, 100, undefined, limits, name);
        expect(halved.parcel!.count).toBeLessThan(first!.parcel!.count);
      }
    }),
  );
});

test("equal stretches have equal parcel ids, all others have others", () => {
  const batches = stored([["a", "b"], ["c"]]);
  const ids = [
    cutParcel(batches, 0, undefined, { ...all, linesMax: 1 }, name),
    cutParcel(batches, 0, undefined, { ...all, linesMax: 2 }, name),
    cutParcel(batches, 1, undefined, all, name),
    cutParcel(batches, 0, undefined, all, name),
    cutParcel(batches, 0, undefined, all, "d.2 "),
    cutParcel(batches, 0, undefined, all, "d.1 replay"),
  ].map(({ parcel }) => parcel!.parcelId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^[0-9A-F]{32}$/.test(id))).toBe(true);
  expect(cutParcel(stored([["a", "b"], ["c"]]), 0, undefined, all, name).parcel!.parcelId).toBe(ids[3]);
  expect(ids[0]).toBe(parcelId(name, positionIn(batches[0]!, 0), positionIn(batches[0]!, 1)));
});

test("whole batches go out as they lie in the store, without a copy", () => {
  const batches = stored([["a", "b"], ["c"]]);
  const { parcel } = cutParcel(batches, 0, undefined, all, name);
  expect(parcel!.slices.map(({ bytes }) => bytes)).toEqual(batches.map(({ bytes }) => bytes));
  expect(parcel!.slices.every(({ bytes }, at) => bytes === batches[at]!.bytes)).toBe(true);
  const part = cutParcel(batches, 1, undefined, { ...all, linesMax: 1 }, name).parcel!.slices[0]!;
  expect(part.bytes.buffer).toBe(batches[0]!.bytes.buffer);
});

test("a batch that the next parcel takes whole is not cut for this one", () => {
  const batches = stored([
    ["a", "b"],
    ["c", "d", "e"],
    ["f", "g", "h", "i", "j", "k"],
  ]);
  const lengths: number[] = [];
  for (let line = 0; line < 11; ) {
    const left = batches.filter((batch) => batch.line + batch.count > line);
    const { cut, parcel } = cutParcel(left, line, undefined, { ...all, linesMax: 4 }, name);
    lengths.push(parcel!.count);
    line = cut.endLine;
  }
  expect(lengths).toEqual([2, 4, 4, 1]); // the last batch is too large for any parcel, so it is cut anyhow
});

test("lines around a filtered one keep their bytes and their form", () => {
  const batch = { ...stored([["keep 1", "drop", "keep 2", "keep 3"]])[0]!, form: "logplex" as const };
  const { parcel, cut } = cutParcel([batch], 0, keptBy("keep"), all, name);
  expect(cut.filtered).toBe(1);
  expect(parcel!.slices).toHaveLength(1);
  expect(textsOfParcel(parcel!)).toEqual(["keep 1", "keep 2", "keep 3"]);
  expect(parcel!.slices[0]!.form).toBe("logplex");
});

test("a compact parcel is the same parcel in memory of its own", () => {
  const batches = stored([["a", "b", "c"]]);
  const { parcel } = cutParcel(batches, 1, undefined, { ...all, linesMax: 1 }, name);
  const copy = compact(parcel!);
  batches[0]!.bytes.fill(0);
  expect(textsOfParcel(copy)).toEqual(["b"]);
  expect(copy.parcelId).toBe(parcel!.parcelId);
});
