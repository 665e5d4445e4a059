/** A long document is read piece by piece, and is what it is as a whole. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import {
  eachOf,
  LongJson,
  openObject,
  readJson,
  readWhole,
  TooManyMembers,
} from "../../../src/core/wire/long-json.ts";

/** The value with all that is in it. */
function whole(value: unknown): unknown {
  if (!(value instanceof LongJson)) return value;
  if (!value.isList) {
    const members = Object.entries(atOnce(openObject(value)));
    return Object.fromEntries(members.map(([name, member]) => [name, whole(member)]));
  }
  const elements: unknown[] = [];
  atOnce(
    eachOf(value, (element) => {
      elements.push(whole(element));
    }),
  );
  return elements;
}

const inSteps = (text: string): unknown => {
  try {
    return whole(readJson(Buffer.from(text)));
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

test("a long document is what it is as a whole, whoever opens all of it", () => {
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

test("it is none where it is none as a whole", () => {
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

test("a list of whatever length pauses after each element, and takes no more memory than a piece", () => {
  const text = Buffer.from(`{"a":[${"{},".repeat(600_000)}{}]}`);
  const { a } = atOnce(openObject(readJson(text) as LongJson));
  let pauses = 0;
  let elements = 0;
  let parsed = 0;
  const parse = vi.spyOn(JSON, "parse");
  const steps = eachOf(a as LongJson, () => {
    elements++;
    if (elements === 1) parsed = parse.mock.calls.length;
  });
  for (let step = steps.next(); step.done !== true; step = steps.next()) pauses++;
  expect(elements).toBe(600_001);
  expect(pauses).toBeGreaterThan(600_000);
  expect(parsed).toBe(1); // a piece, of some sixty, when the first element is visited
  expect(parse.mock.calls.length).toBeGreaterThan(50);
  expect(parse.mock.calls.every(([piece]) => piece.length <= 33 * 1024)).toBe(true);
  parse.mockRestore();
});

test("a value that nobody may have so long is not parsed, and one without many values is, whatever its length", () => {
  const parse = vi.spyOn(JSON, "parse");
  expect(readWhole(readJson(Buffer.from(`[${"{},".repeat(30_001)}{}]`)) as LongJson, 30_000)).toBeUndefined();
  expect(
    readWhole(readJson(Buffer.from("[".repeat(100_000) + "]".repeat(100_000))) as LongJson, 30_000),
  ).toBeUndefined();
  expect(parse).not.toHaveBeenCalled();
  parse.mockRestore();
  expect(readWhole(readJson(Buffer.from(`[${long}]`)) as LongJson, 10)).toEqual([JSON.parse(long)]);
});

test("it is refused before any of it is parsed, where an object has more members than any protocol has", () => {
  const members = (count: number) => Array.from({ length: count }, (_, n) => `"member-${n}":1`).join(",");
  expect(Object.keys(inSteps(`{${members(10_000)}}`) as object)).toHaveLength(10_000);
  const parsed = vi.spyOn(JSON, "parse");
  expect(() => atOnce(openObject(readJson(Buffer.from(`{${members(10_001)}}`)) as LongJson))).toThrow(
    TooManyMembers,
  );
  expect(parsed).not.toHaveBeenCalled();
  parsed.mockRestore();
});
