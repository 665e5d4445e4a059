import fc from "fast-check";
import { expect, test } from "vitest";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import { eachElement, hasManyValues } from "../../../src/core/wire/json-elements.ts";

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
