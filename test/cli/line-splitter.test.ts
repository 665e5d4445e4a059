import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineSplitter, lineBytesMax } from "../../cli/local/line-splitter.ts";

function split(input: Uint8Array, sizes: readonly number[] = [input.length || 1]) {
  const lines: { text: string; whole: boolean }[] = [];
  const splitter = new LineSplitter((bytes, start, end, whole) =>
    lines.push({ text: Buffer.from(bytes.subarray(start, end)).toString("latin1"), whole }),
  );
  for (let at = 0, turn = 0; at < input.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    splitter.push(input.subarray(at, at + size));
    at += size;
  }
  splitter.end();
  return lines;
}

describe("the line splitter", () => {
  test("makes a line of what has no newline at the end", () => {
    expect(split(Buffer.from("a\n\nb"))).toEqual([
      { text: "a", whole: true },
      { text: "", whole: true },
      { text: "b", whole: true },
    ]);
  });

  test("leaves a line of just the limit whole and cuts one byte more", () => {
    const limit = "x".repeat(lineBytesMax);
    expect(split(Buffer.from(`${limit}\n`))).toEqual([{ text: limit, whole: true }]);
    expect(split(Buffer.from(`${limit}y\n`))).toEqual([
      { text: limit, whole: false },
      { text: "y", whole: true },
    ]);
  });

  test("gives every byte once and in order in any chunks, no piece over the limit", () => {
    const line = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.integer({ min: lineBytesMax - 2, max: 3 * lineBytesMax + 2 }).map((length) => "z".repeat(length)),
    );
    const lines = fc.array(
      line.map((text) => text.replace(/\n/g, "")),
      { maxLength: 6 },
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 15_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lines, sizes, (texts, chunkSizes) => {
        const input = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        const pieces = split(input, chunkSizes);
        expect(pieces.map(({ text, whole }) => text + (whole ? "\n" : "")).join("")).toBe(
          input.toString("latin1"),
        );
        expect(pieces.every(({ text }) => text.length <= lineBytesMax)).toBe(true);
        const cuts = texts.map((text) => Math.max(1, Math.ceil(Buffer.byteLength(text) / lineBytesMax)));
        expect(pieces).toHaveLength(cuts.reduce((sum, n) => sum + n, 0));
      }),
      { numRuns: 60 },
    );
  });
});
