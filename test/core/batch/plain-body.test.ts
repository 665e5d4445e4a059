/** A body gives the same lines whether its frames are plain or go through the general path one by one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Canoniser } from "../../../src/core/batch/canonical.ts";
import { canoniseBody } from "../../../src/core/batch/canonise-body.ts";
import type { IndexedFrames } from "../../../src/core/batch/line-index.ts";
import { cursorOver } from "../../../src/core/batch/line-index.ts";
import { PlainBody } from "../../../src/core/batch/plain-body.ts";
import { octetCounted } from "../../support/frames.ts";

const time = "2026-01-02T03:04:05.000006+00:00";
const token = "t.01234567-89ab-4cde-8f01-23456789abcd";
const options = { frameBytesMax: 300_000, nowMs: 0, token };

/** What every reader sees of the lines, by the index that they came with. */
function seen(parts: readonly IndexedFrames[]): string[] {
  return parts.flatMap((part) => {
    const lines: string[] = [];
    const line = cursorOver(part);
    const text = (start: number, end: number) =>
      Buffer.from(part.bytes.subarray(start, end)).toString("latin1");
    while (line.next()) {
      const data = part.form === "rfc5424" ? text(line.msgidEnd, line.messageStart) : " - ";
      lines.push(
        [line.pri, text(line.headStart, line.msgidEnd), data, text(line.messageStart, line.end)].join("|"),
      );
    }
    return lines;
  });
}

function ofBody(frames: readonly Buffer[], source: string) {
  let pauses = 0;
  const steps = canoniseBody(Buffer.concat(frames.map((frame) => octetCounted(frame))), source, options);
  for (;;) {
    const step = steps.next();
    if (!step.done) pauses++;
    else if (step.value.kind === "lines") return { parts: step.value.parts, count: step.value.count, pauses };
    else throw new Error(step.value.reason);
  }
}

function oneByOne(frames: readonly Buffer[], source: string) {
  const canoniser = new Canoniser(source, undefined, token);
  for (const frame of frames) canoniser.add(frame, 0, frame.length, 0);
  return [canoniser.take()];
}

const frame = fc
  .tuple(
    fc.constantFrom("host", "h", "-", "d.0123"),
    fc.constantFrom("app", token, "a", "-", "Größe"),
    fc.constantFrom("web.1", "router", "w]b"),
    fc.constantFrom("- -", "- -", "- -", "-", "ID7 -", '- [a b="c"]', " - -"),
    fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.constantFrom(token, "x".repeat(9_000), "y".repeat(40_000), "", "\uFEFFx"),
    ),
  )
  .map(([host, app, process, rest, text]) =>
    Buffer.from(`<190>1 ${time} ${host} ${app} ${process} ${rest} ${text}`),
  );

test("any frames", () => {
  const sources = fc.constantFrom("app", "a-source-of-many-letters", "s".repeat(60), "s".repeat(200));
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 60 }), sources, (frames, source) => {
      const { parts, count } = ofBody(frames, source);
      expect(count).toBe(frames.length);
      expect(seen(parts)).toEqual(seen(oneByOne(frames, source)));
    }),
    { numRuns: 200 },
  );
});

test.each([["app"], ["a-source-that-is-longer-than-the-word-of-the-frame"]])(
  "a body of a megabyte, source %s, with others between its pauses",
  (source) => {
    const frames = Array.from({ length: 7_000 }, (_, n) =>
      Buffer.from(
        `<190>1 ${time} host app web.1 - - ${n} ${"z".repeat(n % 211)}${n % 97 === 0 ? token : ""}`,
      ),
    );
    const { parts, count, pauses } = ofBody(frames, source);
    expect(pauses).toBeGreaterThan(10);
    expect(count).toBe(frames.length);
    expect(seen(parts)).toEqual(seen(oneByOne(frames, source)));

    // Two bodies in turns, as two requests are.
    const body = () => Buffer.concat(frames.map((one) => octetCounted(one)));
    const [one, other] = [canoniseBody(body(), source, options), canoniseBody(body(), "another", options)];
    const ends = [one, other].map(() => undefined as unknown as readonly IndexedFrames[]);
    for (let isDone = false; !isDone; ) {
      isDone = true;
      for (const [at, steps] of [one, other].entries()) {
        const step = steps.next();
        if (!step.done) isDone = false;
        else if (step.value?.kind === "lines") ends[at] = step.value.parts;
      }
    }
    expect(seen(ends[0]!)).toEqual(seen(parts));
    expect(seen(ends[1]!)).toEqual(seen(oneByOne(frames, "another")));
  },
);

test("no more frames are taken than may be, and none without WebAssembly", () => {
  const body = Buffer.concat(Array<Buffer>(9).fill(octetCounted(`<1>1 ${time} h app w - x`)));
  const plain = new PlainBody(body, new Canoniser("app").origin);
  expect(plain.take(0, 1_000, 4)!.count).toBe(4);
  expect([plain.framesTaken, plain.bytesTaken]).toEqual([4, (body.length / 9) * 4]);
  expect(plain.take(0, 10, 4)).toBeUndefined(); // they are too long
  expect(new PlainBody(body, new Canoniser("app").origin, null).take(0, 1_000, 4)).toBeUndefined();
});
