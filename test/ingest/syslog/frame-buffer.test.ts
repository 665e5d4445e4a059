import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameBuffer } from "../../../src/ingest/syslog/frame-buffer.ts";
import { octetCounted } from "../../support/frames.ts";

const frameBytesMax = 1000;

/** What comes out of a stream that arrives in chunks of these sizes, taken in turns. */
function cut(wire: Uint8Array, sizes: readonly number[]) {
  const buffer = new FrameBuffer(frameBytesMax);
  const frames: string[] = [];
  const take = () =>
    frames.push(Buffer.from(buffer.bytes.subarray(buffer.start, buffer.end)).toString("latin1"));
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    buffer.push(wire.slice(at, at + size));
    at += size;
    let next = buffer.next();
    for (; next === "frame"; next = buffer.next()) take();
    if (next !== "more") return { frames, isUnfinished: true, ended: next };
    expect(buffer.unfinishedBytes).toBeLessThanOrEqual(2 * (frameBytesMax + 701));
  }
  if (buffer.finish()) take();
  return { frames, isUnfinished: buffer.isUnfinished, ended: "more" };
}

const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 });
const frame = fc.uint8Array({ minLength: 1, maxLength: frameBytesMax }).map((bytes) => Buffer.from(bytes));

test("frames survive any chunking", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), sizes, (bodies, chunks) => {
      const seen = cut(Buffer.concat(bodies.map(octetCounted)), chunks);
      expect(seen.frames).toEqual(bodies.map((body) => body.toString("latin1")));
      expect(seen).toMatchObject({ isUnfinished: false, ended: "more" });
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

test("counted frames and lines are told apart for each frame", () => {
  const wire = Buffer.concat([
    octetCounted("<1>one"),
    Buffer.from("<1>two\n"),
    octetCounted("<1>three\n"),
    Buffer.from("\r\n\0"),
    Buffer.from("<1>four\r\n12 monkeys\n<1>NUL\0"),
    octetCounted("<1>five"),
    Buffer.from("\n2026-01-02 no PRI\n<1>no newline at the end"),
  ]);
  for (const sizes of [[1], [7], [wire.length]])
    expect(cut(wire, sizes)).toEqual({
      frames: [
        "<1>one",
        "<1>two",
        "<1>three\n",
        "<1>four",
        "12 monkeys",
        "<1>NUL",
        "<1>five",
        "2026-01-02 no PRI",
        "<1>no newline at the end",
      ],
      isUnfinished: false,
      ended: "more",
    });
});

test("a line over the bound ends the stream, with or without its newline", () => {
  for (const end of ["", "\n"])
    expect(cut(Buffer.from(`<1>one\n${"x".repeat(1001)}${end}`), [100])).toMatchObject({
      frames: ["<1>one"],
      ended: "too_long",
    });
});

test("TLS and HTTP are known by the first bytes of a stream, and by no later ones", () => {
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);
  const http = Buffer.from("POST /logs HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const wire of [hello, http])
    for (const sizes of [[1], [100]]) {
      expect(cut(wire, sizes)).toMatchObject({ frames: [], ended: "foreign" });
      expect(cut(Buffer.concat([Buffer.from("<1>one\n"), wire]), sizes)).toMatchObject({ ended: "more" });
    }
});

test("a frame over the bound ends the stream, as soon as its length is known", () => {
  expect(cut(Buffer.concat([octetCounted("one"), Buffer.from("1001 <")]), [3])).toMatchObject({
    frames: ["one"],
    ended: "too_long",
  });
});

test("a stream that ends in a frame is unfinished", () => {
  expect(cut(Buffer.from("5 hell"), [2])).toMatchObject({ frames: [], isUnfinished: true });
});

test("frames that were taken without a look count as counted ones for those after them", () => {
  const taken = "6 <1>1 x";
  const frames = new FrameBuffer(1_000);
  frames.push(Buffer.from(`${taken}GET / HTTP/1.1\n${taken}5 hello`));
  frames.passTo(taken.length);
  expect([frames.next(), frames.framing]).toEqual(["frame", "newline"]); // not another protocol, as a first line would be
  frames.passTo(frames.at + taken.length);
  expect([frames.next(), frames.framing]).toEqual(["frame", "octet"]);
  expect(Buffer.from(frames.bytes.subarray(frames.start, frames.end)).toString()).toBe("hello");
});
