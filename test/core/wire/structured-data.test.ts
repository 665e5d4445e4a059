import fc from "fast-check";
import { expect, test } from "vitest";
import { structuredDataEnd } from "../../../src/core/wire/structured-data.ts";

const endIn = (text: string) => structuredDataEnd(Buffer.from(text), 0, Buffer.byteLength(text));

test.each([
  '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]',
  '[exampleSDID@32473 iut="3"][examplePriority@32473 class="high"]',
  '[a b="c"][e]',
  '[a b="\\"\\\\\\]"]',
  '[a b="one \\x two"]',
  '[a b=""]',
  '[a b="two\nlines"]',
  `[${"n".repeat(32)} ${"p".repeat(32)}="v"]`,
])("%j is structured data, with text behind it or not", (data) => {
  expect(endIn(data)).toBe(Buffer.byteLength(data));
  expect(endIn(`${data} text`)).toBe(Buffer.byteLength(data));
});

test.each([
  "[GIN] 2024/05/01",
  "[GIN]",
  '[GIN][a b="c"] x',
  "[Wed Feb 07 09:08:07.060504 2024] [mod7:alert]",
  "[Origin@6876 sub=Cnx opID=W-34] update",
  "[] x",
  '[ a b="c"] x',
  '[a  b="c"] x',
  '[a b="c" ] x',
  '[a b="c"d="e"] x',
  '[a b="c"]x',
  '[a b="c"]- [d e="f"] x',
  '[a b="]"] x',
  '[a b="c',
  '[a b="c\\"] x',
  '[a\\] b="c"] x',
  '[a=b c="d"] x',
  '[ä b="c"] x',
  `[${"n".repeat(33)} p="v"] x`,
  `[n ${"p".repeat(33)}="v"] x`,
  "[",
  "",
])("%j is text", (text) => {
  expect(endIn(text)).toBe(-1);
});

// RFC 5424 §6.3 once more, as an expression; the first element has a parameter, and names have no backslash.
const name = String.raw`[^ =\]"\\\x00-\x20\x7f-\xff]{1,32}`;
const parameter = String.raw`${name}="(?:\\[\s\S]|[^"\\\]])*"`;
const grammar = new RegExp(
  String.raw`^\[${name}(?: ${parameter})+\](?:\[${name}(?: ${parameter})*\])*(?= |$)`,
);

test("is what the grammar of RFC 5424 says, for any bytes", () => {
  const parts = fc.constantFrom("[", "]", '"', "\\", "=", " ", "a", "bc", 'd="e"', '[f g="h"]', "ö", "\n");
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 14 }), (all) => {
      const bytes = Buffer.from(`${all.join("")}`);
      const expected = grammar.exec(bytes.toString("latin1"))?.[0].length ?? -1;
      expect(structuredDataEnd(bytes, 0, bytes.length)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});
