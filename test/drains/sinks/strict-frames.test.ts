/** Frames of strict lines are made many at a time; any line may be written field by field, and says the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { cursorOver } from "../../../src/core/batch/line-index.ts";
import { BufferPool, freshBuffers } from "../../../src/drains/sinks/buffers.ts";
import { FrameBuffer } from "../../../src/drains/sinks/formats/frame-buffer.ts";
import { addOddFrame } from "../../../src/drains/sinks/formats/odd-frame.ts";
import { strictFrames } from "../../../src/drains/sinks/formats/rfc5424.ts";
import type { Slice } from "../../../src/ports.ts";

const hostname = Buffer.from("d.0123");
const time = "2026-01-02T03:04:05.000006+00:00";

const word = fc.constantFrom("-", "web.1", "", "a]b", "Größe", "x".repeat(140), "router");
const data = fc.constantFrom("-", '[a b="c \\] d"][e]', "[GIN]", '[a b="');
const text = fc.oneof(
  fc.string({ maxLength: 120 }),
  fc.constantFrom("", "\n", "two\nlines", "y".repeat(20_000)),
);
const frame = fc
  .tuple(
    fc.constantFrom("<190>1", "<7>1", "<999>1"),
    fc.constantFrom(time, "-"),
    word,
    word,
    word,
    data,
    text,
  )
  .map((parts) => Buffer.from(parts.join(" ")));
const slices = fc.array(
  fc
    .tuple(fc.constantFrom("app", "a source"), fc.array(frame, { minLength: 1, maxLength: 5 }))
    .map(([source, frames]): Slice => {
      const canoniser = new Canoniser(source);
      for (const bytes of frames) canoniser.add(bytes, 0, bytes.length, 0);
      return canoniser.take();
    }),
  { minLength: 1, maxLength: 4 },
);

function fieldByField(all: readonly Slice[], endsLines: boolean): Buffer {
  const out = new FrameBuffer(0, freshBuffers);
  for (const slice of all) {
    const line = cursorOver(slice);
    while (line.next()) addOddFrame(out, line, hostname, endsLines);
  }
  return out.take();
}

test("frames are the same whether they are made many at a time or field by field, in whatever memory", () => {
  const buffers = new BufferPool(1 << 20);
  fc.assert(
    fc.property(slices, fc.boolean(), (all, endsLines) => {
      const frames = strictFrames(all, { hostname, endsLines, buffers });
      expect(frames.equals(fieldByField(all, endsLines))).toBe(true);
      buffers.give(frames.fill(0x21)); // what it is used for next finds other bytes in it
    }),
    { numRuns: 300 },
  );
});

/** A batch of frames whose messages have these lengths. */
function batchOf(lengths: readonly number[]): Slice {
  const canoniser = new Canoniser("app");
  for (const [n, length] of lengths.entries()) {
    const bytes = Buffer.from(`<190>1 ${time} h app web.1 - - ${n} ${"y".repeat(length)}`);
    canoniser.add(bytes, 0, bytes.length, 0);
  }
  return canoniser.take();
}

test.each([
  ["more lines than are taken at a time", Array<number>(5_000).fill(0)],
  ["more bytes than are taken at a time", Array.from({ length: 400 }, (_, n) => 37 * (n % 31))],
  ["lines that are longer than that", [10, 70_000, 10, 10, 40_000, 65_400, 10, 200_000]],
])("a batch of %s", (_, lengths) => {
  const slice = batchOf(lengths);
  expect(strictFrames([slice], { hostname, endsLines: true }).equals(fieldByField([slice], true))).toBe(true);
});

test("a hostname of a thousand characters", () => {
  const slice = batchOf([10, 10]);
  const long = Buffer.from("h".repeat(1_000));
  const out = new FrameBuffer(0, freshBuffers);
  for (const line = cursorOver(slice); line.next(); ) addOddFrame(out, line, long, false);
  expect(strictFrames([slice], { hostname: long, endsLines: false }).equals(out.take())).toBe(true);
});
