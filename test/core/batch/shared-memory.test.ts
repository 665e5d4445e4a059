/**
 * Bodies, drains and connections make their lines and frames in the same memory, and those that pause leave it to others. Each
 * gets what it gets alone.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { canoniseBody } from "../../../src/core/batch/canonise-body.ts";
import { cursorOver, indexFrames, pickLines } from "../../../src/core/batch/line-index.ts";
import { PlainLines } from "../../../src/core/batch/plain-lines.ts";
import type { ChannelId } from "../../../src/core/ids.ts";
import { freshBuffers } from "../../../src/drains/sinks/buffers.ts";
import { FrameBuffer } from "../../../src/drains/sinks/formats/frame-buffer.ts";
import { addOddFrame } from "../../../src/drains/sinks/formats/odd-frame.ts";
import { rfc5424Format, strictFrames } from "../../../src/drains/sinks/formats/rfc5424.ts";
import type { Slice } from "../../../src/ports.ts";
import { octetCounted } from "../../support/frames.ts";

const token = "t.01234567-89ab-4cde-8f01-23456789abcd";

/** Work that pauses, and whether its result is that of the same work done alone. */
type Work = Generator<unknown, boolean>;

const frameOf = (n: number, text: string, app = token) =>
  Buffer.from(
    `<${n % 192}>1 2026-01-02T03:04:05Z host ${app} web.${n % 7} ${n % 50 === 49 ? "ID7" : "-"} - ${text}`,
  );

function linesOf(source: string, frames: readonly Buffer[]): Slice {
  const canoniser = new Canoniser(source, undefined, token);
  for (const frame of frames) canoniser.add(frame, 0, frame.length, 0);
  return canoniser.take() as Slice;
}

function framesOf(slice: Slice, hostname: Buffer, endsLines: boolean): Buffer {
  const out = new FrameBuffer(0, freshBuffers);
  for (const line = cursorOver(slice); line.next(); ) addOddFrame(out, line, hostname, endsLines);
  return out.take();
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

function* body(source: string, frames: readonly Buffer[]): Work {
  const bytes = Buffer.concat(frames.map((frame) => octetCounted(frame)));
  const found = yield* canoniseBody(bytes, source, { frameBytesMax: 300_000, nowMs: 0, token });
  if (found.kind === "bad") return false;
  for (const { bytes: made, count, form, index } of found.parts)
    if (index !== undefined) {
      const { places } = indexFrames(made, count, form);
      if (!isSame(new Uint8Array(places.buffer), new Uint8Array(index.places.slice(0, places.length).buffer)))
        return false;
    }
  const all = found.parts.map((part) => Buffer.concat(texts(part)));
  return isSame(Buffer.concat(all), Buffer.concat(texts(linesOf(source, frames))));
}

/** Head and message of each line: what is the same in both forms. */
const texts = (frames: Pick<Slice, "bytes" | "count" | "form">): Buffer[] => {
  const found: Buffer[] = [];
  for (const line = cursorOver({ ...frames }); line.next(); )
    found.push(
      Buffer.from(line.bytes.subarray(line.headStart, line.msgidEnd)),
      Buffer.from(line.bytes.subarray(line.messageStart, line.end)),
    );
  return found;
};

function* syslogDrain(slices: readonly Slice[], hostname: Buffer, endsLines: boolean): Work {
  for (const slice of slices) {
    if (!isSame(strictFrames([slice], { hostname, endsLines }), framesOf(slice, hostname, endsLines)))
      return false;
    yield;
  }
  return true;
}

function* httpsDrain(slices: readonly Slice[]): Work {
  const frames = yield* rfc5424Format.write(slices, { drainToken: "", appId: "", nowMs: 0 }) as Generator<
    unknown,
    Buffer
  >;
  return isSame(frames, Buffer.concat(slices.map((slice) => framesOf(slice, Buffer.from("host"), false))));
}

const registry = {};
const knowing = new PlainLines();

function* connection(source: string, reads: readonly (readonly Buffer[])[]): Work {
  for (const frames of reads) {
    const canoniser = new Canoniser("");
    const usual = frames.filter((_, n) => n % 50 !== 49);
    knowing.begin(registry, Math.random());
    knowing.know(
      registry,
      Buffer.from(token),
      "an-app" as ChannelId,
      new Canoniser(source, undefined, token).origin,
    );
    const bytes = Buffer.concat(usual.map((frame) => octetCounted(frame)));
    if (knowing.take(bytes, 0, 300_000, (_, lines) => canoniser.addLines(lines)) !== bytes.length)
      return false;
    if (!isSame(canoniser.take().bytes, linesOf(source, usual).bytes)) return false;
    yield;
  }
  return true;
}

/** Of as many bytes as the memory takes, and of more. */
const shortSource = fc.constantFrom("app", "s".repeat(48), "s".repeat(73));
const source = fc.oneof(shortSource, fc.constantFrom("s".repeat(74), "s".repeat(200)));
const frames = (most: number) =>
  fc
    .array(
      fc.oneof(
        { weight: 9, arbitrary: fc.nat({ max: 300 }) },
        { weight: 1, arbitrary: fc.nat({ max: 9_000 }) },
      ),
      { maxLength: most, size: "max" },
    )
    .map((lengths) => lengths.map((length, n) => frameOf(n, "x".repeat(length))));
const slice = fc.tuple(source, frames(150), fc.nat(), fc.nat()).map(([name, lines, from, to]): Slice => {
  const whole = linesOf(name, [frameOf(0, "the first"), ...lines]);
  const first = from % whole.count;
  return pickLines(whole, [first, first + 1 + (to % (whole.count - first))]) as Slice;
});
const hostname = fc.constantFrom(0, 1, 16, 38, 511, 512, 513, 1_000).map((bytes) => Buffer.alloc(bytes, "h"));
const slices = fc.array(slice, { minLength: 1, maxLength: 3 });
const work = fc.oneof(
  fc.tuple(source, frames(400)).map(([name, lines]) => body(name, lines)),
  fc
    .tuple(slices, hostname, fc.boolean())
    .map(([parts, name, endsLines]) => syslogDrain(parts, name, endsLines)),
  slices.map((parts) => httpsDrain(parts)),
  fc
    .tuple(shortSource, fc.array(frames(60), { maxLength: 4 }))
    .map(([name, reads]) => connection(name, reads)),
);

test("whoever pauses and whoever comes in between, each has its own lines", () => {
  fc.assert(
    fc.property(
      fc.array(work, { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(), { minLength: 1 }),
      (all, order) => {
        const going = [...all];
        for (let turn = 0; going.length > 0; turn++) {
          const at = order[turn % order.length]! % going.length;
          const step = going[at]!.next();
          if (step.done !== true) continue;
          going.splice(at, 1);
          expect(step.value).toBe(true);
        }
      },
    ),
    { numRuns: 100, endOnFailure: true }, // a generator cannot run twice, so nothing is to be shrunk
  );
});

test("bytes that were written into since are read anew", () => {
  const [before, after] = ["one", "two"].map((text) => octetCounted(frameOf(0, text)));
  const read = Buffer.from(before!);
  const canoniser = new Canoniser("");
  for (const bytes of [before!, after!]) {
    bytes.copy(read);
    knowing.begin(registry, 1);
    knowing.know(registry, Buffer.from(token), "an-app" as ChannelId, new Canoniser("app").origin);
    knowing.take(read, 0, 1_000, (_, lines) => canoniser.addLines(lines));
  }
  const lines = canoniser.take() as Slice;
  expect(texts(lines).map(String)).toEqual(
    texts(linesOf("app", [frameOf(0, "one"), frameOf(0, "two")])).map(String),
  );

  const options = { hostname: Buffer.from("d.0123"), endsLines: true };
  const slice = linesOf("app", [frameOf(0, "one")]);
  expect(strictFrames([slice], options).toString()).toMatch(/one\n$/);
  linesOf("app", [frameOf(0, "two")]).bytes.forEach((byte, at) => {
    slice.bytes[at] = byte;
  });
  expect(strictFrames([slice], options).toString()).toMatch(/two\n$/);
});
