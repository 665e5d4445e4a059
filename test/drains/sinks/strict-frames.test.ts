/** Lines that ingest found strict are copied from known places; any line may be written field by field, and says the same. */
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

test("frames are the same whether a line is copied or written field by field, in whatever memory", () => {
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
