import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { frameEndFrom, framingAt, scanFrame, withoutReturn } from "../../../src/core/wire/frame.ts";
import { octetCounted } from "../../support/frames.ts";

const scan = (text: string, max = 100) => scanFrame(Buffer.from(text), 0, max);

describe("octet counting", () => {
  test("finds the frame behind its length", () => {
    expect(scan("5 hello6 world!")).toEqual({ kind: "frame", start: 2, end: 7 });
  });

  test.each(["0 ", "05 hello", "x", " 5", "-1 x", "\n"])("%j is no length", (text) => {
    expect(scan(text)).toEqual({ kind: "bad", reason: "length_not_decimal" });
  });

  test("a length over the bound is told before its bytes arrive", () => {
    expect(scan("101 ")).toEqual({ kind: "bad", reason: "frame_too_long" });
    expect(scan("99999999999999999999")).toEqual({ kind: "bad", reason: "frame_too_long" });
  });

  test.each(["", "1", "10", "10 abc"])("%j is a frame's beginning", (text) => {
    expect(scan(text).kind).toBe("more");
  });

  test("any frames, any cut: the same frames and never one byte too many", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 20 }),
        fc.nat(),
        (payloads, cut) => {
          const wire = Buffer.concat(payloads.map(octetCounted));
          const seen: Buffer[] = [];
          const end = cut % (wire.length + 1);
          let at = 0;
          for (const part of [wire.subarray(0, end), wire]) {
            for (;;) {
              const found = scanFrame(part, at, 1000);
              if (found.kind !== "frame") break;
              seen.push(part.subarray(found.start, found.end));
              at = found.end;
            }
          }
          expect(Buffer.concat(seen).equals(Buffer.concat(payloads))).toBe(true);
          expect(seen.length).toBe(payloads.length);
        },
      ),
    );
  });

  test("any bytes are a frame, a beginning or bad; a frame never ends beyond them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const found = scanFrame(bytes, 0, 1000);
        if (found.kind === "frame") expect(found.end).toBeLessThanOrEqual(bytes.length);
        if (found.kind === "more") expect(found.bytesMissing).toBeGreaterThan(0);
      }),
    );
  });
});

describe("framing, told for each frame", () => {
  const framing = (text: string, afterNewline = false) => framingAt(Buffer.from(text), 0, 100, afterNewline);

  test.each([
    ["5 hello", "octet"],
    ["<13>x", "newline"],
    ["text", "newline"],
    ["007 x", "newline"],
    [" x", "newline"],
    ["2026-01-02", "newline"],
    ["1767322800 is no length", "newline"],
    ["101 <13>", "octet"], // too long, and still counted
    ["12345678901 <", "newline"],
    ["", "unknown"],
    ["12", "unknown"],
    ["12 ", "unknown"],
  ] as const)("%j: %s", (text, expected) => {
    expect(framing(text)).toBe(expected);
  });

  test("behind a line that ended with a newline only `<` makes a number a length", () => {
    expect(framing("12 monkeys", true)).toBe("newline");
    expect(framing("12 <13>1 - - -", true)).toBe("octet");
  });

  test("a frame ends at a newline or NUL, and a return before it is no part of the text", () => {
    const bytes = Buffer.from("ab\ncd\r\ne\0f");
    expect(frameEndFrom(bytes, 0)).toBe(2);
    expect(frameEndFrom(bytes, 3)).toBe(6);
    expect(withoutReturn(bytes, 3, 6)).toBe(5);
    expect(frameEndFrom(bytes, 7)).toBe(8);
    expect(frameEndFrom(bytes, 9)).toBe(-1);
  });
});
