import fc from "fast-check";
import { expect, test } from "vitest";
import { copyBytes, viewOf } from "../../../src/core/batch/copy-words.ts";

const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1_000, max: 1_100 }));

test("bytes of one buffer are copied to another, whatever the places and the length", () => {
  fc.assert(
    fc.property(lengths, fc.nat(9), fc.nat(9), (length, start, at) => {
      const room = Buffer.alloc(1_200, 1);
      const from = Buffer.from(Array.from({ length: 1_200 }, (_, i) => (i * 7) % 251)).subarray(start % 3);
      const expected = Buffer.from(room);
      from.copy(expected, at, start, start + length);
      expect(copyBytes(room, viewOf(room), at, from, start, start + length)).toBe(at + length);
      expect(room.equals(expected)).toBe(true);
    }),
  );
});

test("bytes that move to the left within their buffer arrive whole, however little they move", () => {
  fc.assert(
    fc.property(lengths, fc.nat(9), fc.nat(9), (length, at, by) => {
      const bytes = Buffer.from(Array.from({ length: 1_200 }, (_, i) => (i * 7) % 251));
      const expected = Buffer.from(bytes);
      expected.copyWithin(at, at + by, at + by + length);
      expect(copyBytes(bytes, viewOf(bytes), at, bytes, at + by, at + by + length)).toBe(at + length);
      expect(bytes.equals(expected)).toBe(true);
    }),
  );
});
