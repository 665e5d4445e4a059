import fc from "fast-check";
import { expect, test } from "vitest";
import { eachElement } from "../../src/core/json-elements.ts";
import { atOnce } from "../../src/core/steps.ts";

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
