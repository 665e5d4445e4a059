import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readShownLine, type ShownLine } from "../../../cli/view/shown-line.ts";
import { heldMax, Together } from "../../../cli/view/together.ts";

const line = (dyno: string, message: string): ShownLine =>
  readShownLine("blog", JSON.stringify({ dyno, source: "app", message }));
const textsOf = (placed: readonly { readonly line: ShownLine }[]) =>
  placed.map(({ line: { dyno, message } }) => `${dyno} ${message}`);

describe("lines of several processes", () => {
  test("none is lost or told twice, and those of a process keep their order", () => {
    const message = fc.constantFrom(
      "TypeError: x",
      "    at a (/a.js:1:2)",
      "plain",
      '  File "a", line 1',
      "panic: x",
    );
    const all = fc.array(fc.tuple(fc.constantFrom("web.1", "web.2", "run.1"), message), { maxLength: 40 });
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 7 }), (given, size) => {
        const lines = given.map(([dyno, text], i) => ({ ...line(dyno, text), position: String(i) }));
        const together = new Together();
        const shown: string[] = [];
        for (let from = 0; from < lines.length; from += size)
          shown.push(
            ...together.push(lines.slice(from, from + size)).map(({ line: { position } }) => position),
          );
        shown.push(...together.end().map(({ line: { position } }) => position));
        expect([...shown].sort((a, b) => Number(a) - Number(b))).toEqual(
          lines.map(({ position }) => position),
        );
        for (const dyno of ["web.1", "web.2", "run.1"]) {
          const own = lines.filter((one) => one.dyno === dyno).map(({ position }) => position);
          expect(shown.filter((position) => own.includes(position))).toEqual(own);
        }
        expect(together.isOpen).toBe(false);
      }),
    );
  });

  test("wait for the end of another's trace, but no more of them than there may be", () => {
    const together = new Together();
    expect(textsOf(together.push([line("web.1", "TypeError: x"), line("web.2", "a")]))).toEqual([
      "web.1 TypeError: x",
    ]);
    expect(textsOf(together.push([line("web.1", "    at a (/a.js:1:2)")]))).toEqual([
      "web.1     at a (/a.js:1:2)",
    ]);
    const others = Array.from({ length: heldMax - 2 }, () => line("web.2", "b"));
    expect(together.push(others)).toEqual([]);
    expect(textsOf(together.push([line("web.2", "last")]))).toHaveLength(heldMax);
    expect(together.isOpen).toBe(false);
  });
});
