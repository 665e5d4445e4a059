import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CanonicalLines } from "../../../src/core/batch/batch.ts";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import {
  cursorOver,
  endOfFrame,
  indexFrames,
  indexOf,
  pickLines,
} from "../../../src/core/batch/line-index.ts";
import { place, placeShift, strictBit } from "../../../src/core/batch/line-places.ts";
import { toLogplex, toRfc5424 } from "../../../src/core/batch/lines.ts";
import { batchOf } from "../../support/batches.ts";
import { octetCounted } from "../../support/frames.ts";

const time = "2026-01-02T03:04:05.000006+00:00";
const nowMs = Date.UTC(2026, 0, 2);

const word = fc.oneof(
  fc.constantFrom("-", "web.1", "t.x", "", " ", "\u0000", "a]b", "Größe", "x".repeat(140)),
  fc.string({ maxLength: 40 }),
);
const data = fc.oneof(
  fc.constantFrom("-", '[a b="c \\] d"][e]', "[GIN]", '[a b="', `[a b="${"x".repeat(300)}"]`),
  word,
);
/** Frames of every kind, and such that are none. */
const frame = fc
  .oneof(
    fc
      .tuple(
        fc.constantFrom("<190>1", "<7>1", "<13>1", "<999>1", "<190>2", "<1>"),
        fc.constantFrom(time, "2026-01-02t03:04:05.1234567z", "-", "Jan  2 03:04:05", "now"),
        word,
        word,
        word,
        word,
        data,
        fc.string(),
      )
      .map((parts) => parts.join(" ")),
    fc.string(),
  )
  .map((text) => Buffer.from(text));

function canonised(frames: readonly Buffer[], source = "app"): CanonicalLines {
  const canoniser = new Canoniser(source);
  for (const bytes of frames) canoniser.add(bytes, 0, bytes.length, nowMs);
  return canoniser.take();
}

/** What a cursor says of each line. */
// All but the bytes, and what the index alone says.
function partsOf(cursor: LineCursor) {
  const lines = [];
  while (cursor.next())
    lines.push({ ...cursor, messageEnd: cursor.messageEnd, bytes: undefined, isStrict: undefined });
  return lines;
}

const used = ({ count, index }: CanonicalLines): readonly number[] => [
  ...index!.places.subarray(0, count << placeShift),
];

describe("the line index", () => {
  test("ingest makes the one that the bytes lead to, whatever the frames", () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 20 }), (frames) => {
        const lines = canonised(frames);
        const again = indexFrames(lines.bytes, lines.count, lines.form);
        expect(used(lines)).toEqual([...again.places]);
      }),
    );
  });

  test("a cursor over it says what a cursor over the bytes says, in both forms", () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 20 }), (frames) => {
        const made = canonised(frames);
        for (const lines of [made, toLogplex(made), toRfc5424(made)]) {
          expect(partsOf(cursorOver(lines))).toEqual(partsOf(new LineCursor().open(lines.bytes, lines.form)));
        }
      }),
    );
  });

  test("every line that ingest makes is strict", () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 20 }), (frames) => {
        const { count, index } = canonised(frames);
        for (let line = 0; line < count; line++)
          expect(index!.places[(line << placeShift) + place.pri]! & strictBit).toBe(strictBit);
      }),
    );
  });

  test.each([
    ["a PRI of no facility", `<192>1 ${time} host app web.1 - x`],
    ["a time that is none", "<190>1 yesterday host app web.1 - x"],
    ["a source that is too long", `<190>1 ${time} host ${"s".repeat(49)} web.1 - x`],
    ["a process that is no ASCII", `<190>1 ${time} host app wéb.1 - x`],
    ["a MSGID that is too long", `<190>1 ${time} host app web.1 ${"m".repeat(33)} x`],
  ])("a stored line with %s is not strict", (_, line) => {
    const { places } = indexFrames(octetCounted(line), 1, "logplex");
    expect(places[place.pri]! & strictBit).toBe(0);
  });

  test("a source that is no name makes no strict lines", () => {
    const lines = canonised([Buffer.from("x")], "s".repeat(49));
    expect(used(lines)).toEqual([...indexFrames(lines.bytes, 1, lines.form).places]);
    expect(lines.index!.places[place.pri]! & strictBit).toBe(0);
  });

  test("is found once for a batch", () => {
    const batch = batchOf(["one", "two"]);
    expect(indexOf(batch)).toBe(indexOf(batch));
  });

  test("is not that of other bytes which took the place of the batch's", () => {
    const batch = batchOf(["one", "two"]);
    indexOf(batch);
    const changed = { ...batch, bytes: batchOf(["three", "four"]).bytes };
    expect(indexOf(changed).places.at(-1)).toBe(changed.bytes.length);
  });

  test.each([
    ["that are cut", (bytes: Buffer) => bytes.subarray(0, -1), 2],
    ["without a PRI", (bytes: Buffer) => Buffer.from(bytes.toString().replaceAll("<190>", "x190>")), 2],
    ["of more lines than are told", (bytes: Buffer) => bytes, 1],
    ["of fewer lines than are told", (bytes: Buffer) => bytes, 3],
  ])("is refused for bytes %s", (_, damage, count) => {
    const { bytes, form } = batchOf(["one", "two"]);
    expect(() => indexFrames(damage(Buffer.from(bytes)), count, form)).toThrow(/damaged/);
  });
});

test("lines that are picked out are frames of their own, with the index that a scan of them finds", () => {
  const picked = fc.tuple(fc.array(frame, { minLength: 1, maxLength: 12 }), fc.func(fc.boolean()));
  fc.assert(
    fc.property(picked, ([frames, isPicked]) => {
      const lines = canonised(frames);
      const wanted = frames.map((_, line) => isPicked(line));
      const runs = wanted.flatMap((is, line) => [
        ...(is && !wanted[line - 1] ? [line] : []),
        ...(is && !wanted[line + 1] ? [line + 1] : []),
      ]);
      const { bytes, count, form, index } = pickLines(lines, runs);
      const all = wanted.map((_, line) =>
        lines.bytes.subarray(startOf(lines, line), startOf(lines, line + 1)),
      );
      expect(Buffer.concat(all.filter((_, line) => wanted[line]))).toEqual(Buffer.from(bytes));
      expect(index).toEqual(indexFrames(bytes, count, form));
    }),
  );
});

const startOf = (lines: CanonicalLines, line: number): number => endOfFrame(indexOf(lines), line - 1);
