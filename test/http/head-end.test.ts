import fc from "fast-check";
import { expect, test } from "vitest";
import { HeadEnd } from "../../src/http/head-end.ts";

test("a head ends behind its first empty line, wherever it is cut", () => {
  const piece = fc.constantFrom("\r", "\n", "\r\n", "x", "\r\n\r\n", "Host: a");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      (pieces, sizes) => {
        const text = pieces.join("");
        const ends: number[] = [];
        const head = new HeadEnd();
        for (let at = 0, cut = 0; at < text.length; cut++) {
          const bytes = Buffer.from(text.slice(at, at + sizes[cut % sizes.length]!));
          for (let from = 0; ; ) {
            const end = head.find(bytes, from);
            if (end === -1) break;
            ends.push(at + end);
            from = end;
          }
          at += bytes.length;
        }
        expect(ends).toEqual([...text.matchAll(/\r\n\r\n/g)].map((found) => found.index + 4));
      },
    ),
  );
});
