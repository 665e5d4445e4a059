import fc from "fast-check";
import { expect, test } from "vitest";
import { Chunks } from "../../src/http/chunks.ts";

/** The data that came, and what lies behind the body, when it is cut like this. */
function decoded(wire: string, sizes: readonly number[]) {
  const chunks = new Chunks();
  let data = "";
  let rest = "";
  for (let at = 0, cut = 0; at < wire.length; cut++) {
    const size = sizes[cut % sizes.length]!;
    const bytes = Buffer.from(`##${wire.slice(at, at + size)}`, "latin1"); // the read begins with something else
    const { dataEnd, end } = chunks.decode(bytes, 2);
    data += bytes.toString("latin1", 2, dataEnd);
    if (chunks.isBad) return "bad";
    rest += bytes.toString("latin1", end);
    at += size;
  }
  return { data, rest, isOver: chunks.isOver };
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

test("chunks become what they were cut from, wherever reads are cut, and what follows is left", () => {
  const part = fc.string({ unit: fc.constantFrom("\r", "\n", "0", "a", ";"), minLength: 1, maxLength: 30 });
  const digits = fc.constantFrom(
    (size: number) => size.toString(16),
    (size: number) => size.toString(16).toUpperCase().padStart(5, "0"),
    (size: number) => `${size.toString(16)};name="va lue";other`,
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(part, digits)),
      fc.constantFrom("", "A: b\r\n", "A: b\r\nC: d\r\n"),
      fc.constantFrom("", "POST / HTTP/1.1\r\n\r\n"),
      sizes,
      (parts, trailers, rest, cuts) => {
        const wire = parts.map(([data, write]) => `${write(data.length)}\r\n${data}\r\n`).join("");
        expect(decoded(`${wire}0\r\n${trailers}\r\n${rest}`, cuts)).toEqual({
          data: parts.map(([data]) => data).join(""),
          rest: rest,
          isOver: true,
        });
      },
    ),
  );
});

test.each([
  ["no size", "\r\n"],
  ["a size with a sign", "+1\r\na\r\n"],
  ["a size with 0x", "0x1\r\na\r\n"],
  ["a space behind the size", "1 \r\na\r\n"],
  ["a size without end", "0".repeat(100)],
  ["a size that no body has", "fffffffff\r\n"],
  ["a line feed alone behind the size", "1\na\r\n"],
  ["a line feed in an extension", "1;a\nb\r\na\r\n"],
  ["more data than said", "1\r\nab\r\n"],
  ["less data than said", "3\r\na\r\n0\r\n\r\n"],
  ["a line feed alone behind data", "1\r\na\n0\r\n\r\n"],
  ["a line feed alone as the end", "0\r\n\n"],
  ["a carriage return alone", "0\r\n\rx"],
  ["a trailer with a line feed", "0\r\nA: b\nC: d\r\n\r\n"],
  ["extensions without end", `1;${"x".repeat(20_000)}`],
  ["trailers without end", `0\r\n${"A: b\r\n".repeat(5_000)}`],
])("%s is bad, however it is cut", (_name, wire) => {
  fc.assert(
    fc.property(sizes, (cuts) => {
      expect(decoded(wire, cuts)).toBe("bad");
    }),
    { numRuns: 20 },
  );
});
