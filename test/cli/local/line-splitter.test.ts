import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineBytesMax } from "../../../cli/local/limits.ts";
import { firstPiece, LineSplitter } from "../../../cli/local/line-splitter.ts";

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

  const characters = fc.constantFrom("☃", "é", "😀", "a", "\u0300", "�");
  const chunks = fc.array(fc.integer({ min: 1, max: 15_000 }), { minLength: 1, maxLength: 5 });

  test("cuts no character in half, in any chunks, and wastes less than a character of a piece", () => {
    const line = fc.tuple(fc.string({ maxLength: 3 }), characters, fc.integer({ min: 2500, max: 15_000 }));
    fc.assert(
      fc.property(line, chunks, ([start, character, count], sizes) => {
        const text = start.replaceAll("\n", "") + character.repeat(count);
        const pieces = split(Buffer.from(text), sizes).map((piece) => Buffer.from(piece.text, "latin1"));
        expect(pieces.map((piece) => piece.toString()).join("")).toBe(Buffer.from(text).toString());
        for (const piece of pieces.slice(0, -1)) expect(piece.length).toBeGreaterThan(lineBytesMax - 4);
      }),
      { numRuns: 60 },
    );
  });

  test("keeps every byte of what is no text, in pieces within the limit", () => {
    const input = fc.tuple(fc.uint8Array({ maxLength: 8 }), fc.integer({ min: 0x80, max: 0xff }));
    fc.assert(
      fc.property(input, chunks, ([start, byte], sizes) => {
        const bytes = Buffer.concat([start, Buffer.alloc(2.5 * lineBytesMax, byte)]);
        const pieces = split(bytes, sizes);
        const again = pieces.map(({ text, whole }) => text + (whole ? "\n" : "")).join("");
        expect(again.replace(/\n$/, "")).toBe(bytes.toString("latin1").replace(/\n$/, ""));
        expect(pieces.every(({ text }) => text.length <= lineBytesMax)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("100,000 snowmen come out whole", () => {
    const pieces = split(Buffer.from(`${"☃".repeat(100_000)}\n`), [4096]);
    expect(pieces.map(({ text }) => Buffer.from(text, "latin1").toString()).join("")).toBe(
      "☃".repeat(100_000),
    );
    expect(pieces).toHaveLength(2);
  });

  test("the first piece of a text is whole characters too", () => {
    expect(firstPiece("short").toString()).toBe("short");
    expect(firstPiece(`ab${"☃".repeat(100_000)}`).toString()).toBe(
      `ab${"☃".repeat(Math.floor((lineBytesMax - 2) / 3))}`,
    );
  });
});
