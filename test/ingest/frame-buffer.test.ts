import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameBuffer } from "../../src/ingest/frame-buffer.ts";
import { octetCounted } from "../support/frames.ts";

const frameBytesMax = 1000;

/** What comes out of a stream that arrives in chunks of these sizes, taken in turns. */
function cut(wire: Uint8Array, sizes: readonly number[]) {
  const buffer = new FrameBuffer(frameBytesMax);
  const frames: string[] = [];
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    buffer.push(wire.slice(at, at + size));
    at += size;
    let next = buffer.next();
    for (; next === "frame"; next = buffer.next()) {
      frames.push(Buffer.from(buffer.bytes.subarray(buffer.start, buffer.end)).toString("latin1"));
    }
    if (next === "too_long")
      return { frames, malformed: buffer.malformed, isUnfinished: true, ended: "too_long" };
  }
  return { frames, malformed: buffer.malformed, isUnfinished: buffer.isUnfinished, ended: "more" };
}

const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 });
const frame = fc.uint8Array({ minLength: 1, maxLength: frameBytesMax }).map((bytes) => Buffer.from(bytes));

test("frames survive any chunking", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), sizes, (bodies, chunks) => {
      const seen = cut(Buffer.concat(bodies.map(octetCounted)), chunks);
      expect(seen.frames).toEqual(bodies.map((body) => body.toString("latin1")));
      expect(seen).toMatchObject({ malformed: 0, isUnfinished: false });
    }),
    { numRuns: 300 },
  );
});

test("whatever is sent comes out the same in any chunking", () => {
  const junk = fc.oneof(
    frame.map(octetCounted),
    fc
      .constantFrom("\n", "<190>1 x\n", "<190>1 x\r\n", "007 x\n", "12", "5 a", " ", "\n\n", "99x")
      .map(Buffer.from),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 12 }), sizes, (parts, chunks) => {
      const wire = Buffer.concat(parts);
      expect(cut(wire, chunks)).toEqual(cut(wire, [Math.max(1, wire.length)]));
    }),
    { numRuns: 500 },
  );
});

test("newline-framed data between frames is counted, a stretch each, and skipped", () => {
  const wire = Buffer.concat([
    octetCounted("one"),
    Buffer.from("<190>1 newline framed\n"),
    octetCounted("two"),
    Buffer.from("\r\n"),
    Buffer.from(`${"x".repeat(5_000)}\n`),
    octetCounted("three"),
  ]);
  expect(cut(wire, [7])).toMatchObject({ frames: ["one", "two", "three"], malformed: 3 });
});

test("a frame over the bound ends the stream, as soon as its length is known", () => {
  expect(cut(Buffer.concat([octetCounted("one"), Buffer.from("1001")]), [3])).toMatchObject({
    frames: ["one"],
    ended: "too_long",
  });
});

test("a stream that ends in a frame is unfinished", () => {
  expect(cut(Buffer.from("5 hell"), [2])).toMatchObject({ frames: [], isUnfinished: true });
});
