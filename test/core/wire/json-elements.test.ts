import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import {
  eachElement,
  hasManyValues,
  parseInSteps,
  TooManyMembers,
} from "../../../src/core/wire/json-elements.ts";

/** The elements of a document, parsed one by one; undefined where it is none. */
function elementsOf(text: string): unknown[] | undefined {
  const bytes = Buffer.from(text);
  const found: unknown[] = [];
  try {
    const isWhole = atOnce(
      eachElement(bytes, (start, end) => found.push(JSON.parse(bytes.toString("utf8", start, end)))),
    );
    return isWhole ? found : undefined;
  } catch {
    return undefined;
  }
}

function parsedWhole(text: string): unknown[] | undefined {
  try {
    const value = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    return undefined;
  }
}

test("element by element a document is what it is as a whole", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, 3), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), undefined, indent);
      expect(elementsOf(written)).toEqual(parsedWhole(written));
    }),
  );
});

test("what is no JSON as a whole is none element by element", () => {
  const pieces = fc.constantFrom(..."[]{},: \n", '"', '"a"', '"a":1', '"\\""', "\\", "1", "null", "[1,2]");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (all) => {
      const text = all.join("");
      expect(elementsOf(text)).toEqual(parsedWhole(text));
    }),
    { numRuns: 3_000 },
  );
});

describe("a long document, piece by piece", () => {
  const inSteps = (text: string): unknown => {
    try {
      return atOnce(parseInSteps(Buffer.from(text)));
    } catch (error) {
      expect(error).toBeInstanceOf(SyntaxError);
      return undefined;
    }
  };
  const asWhole = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const long = JSON.stringify("y".repeat(40_000));
  const list = `[${"[1,{}],".repeat(10_000)}{"a":[]}]`;

  test("is what it is as a whole", () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.constantFrom(long, list),
        fc.constantFrom("", " ", "\n\t"),
        (json, filling, blank) => {
          for (const text of [
            `${blank}[${json},${blank}${filling}${blank},${json}]${blank}`,
            `{"a":${blank}${filling},"__proto__":${json}${blank},"b\\"c"${blank}:{"d":${filling},"a":1,"a":${json}}}`,
          ])
            expect(JSON.stringify(inSteps(text))).toEqual(JSON.stringify(asWhole(text)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("is none where it is none as a whole", () => {
    const pieces = fc.constantFrom(
      ..."[]{},: \n",
      '"',
      '"a"',
      '"a":1',
      "\\",
      "1",
      "[1,2]",
      long,
      `"a":${long}`,
      list,
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 9 }), (all) => {
        const text = all.join("");
        expect(JSON.stringify(inSteps(text))).toEqual(JSON.stringify(asWhole(text)));
      }),
      { numRuns: 1_000 },
    );
  });

  test("pauses, and is refused where nobody nests so deep", () => {
    let pauses = 0;
    const steps = parseInSteps(Buffer.from(`{"a":[${"{},".repeat(600_000)}{}]}`));
    for (let step = steps.next(); step.done !== true; step = steps.next()) pauses++;
    expect(pauses).toBeGreaterThan(600_000);
    expect(() => atOnce(parseInSteps(Buffer.from("[".repeat(100_000) + "]".repeat(100_000))))).toThrow(
      SyntaxError,
    );
  });

  test("is refused before any of it is parsed, where an object has more members than any protocol has", () => {
    const members = (count: number) => Array.from({ length: count }, (_, n) => `"member-${n}":1`).join(",");
    expect(Object.keys(inSteps(`{${members(10_000)}}`) as object)).toHaveLength(10_000);
    const parsed = vi.spyOn(JSON, "parse");
    expect(() => atOnce(parseInSteps(Buffer.from(`{${members(10_001)}}`)))).toThrow(TooManyMembers);
    expect(parsed).not.toHaveBeenCalled();
    parsed.mockRestore();
  });
});

test("values of a long text are counted, whatever is in its texts", () => {
  const many = (text: string) => hasManyValues(Buffer.from(text));
  const blank = " ".repeat(32 * 1024);
  expect(many(`[${"[],".repeat(5_000)}0]`)).toBe(false); // short
  expect(many(`[${"1,".repeat(9_999)}0]${blank}`)).toBe(false);
  expect(many(`[${"1,".repeat(10_000)}0]${blank}`)).toBe(true);
  expect(many(`${"[".repeat(10_001)}${blank}`)).toBe(true);
  expect(many(`{${'"a":{},'.repeat(5_001)}}${blank}`)).toBe(true);
  expect(many(JSON.stringify({ a: `\\"${",[{".repeat(50_000)}\\`, b: [1, 2] }))).toBe(false);
});
