import fc from "fast-check";
import { expect, test } from "vitest";
import { spansOf, withoutColours } from "../../web/src/log/sgr.ts";

const esc = "\u001b";

test.each([
  ["plain", [["plain", ""]]],
  [
    `${esc}[31mred${esc}[0m not`,
    [
      ["red", "c-red"],
      [" not", ""],
    ],
  ],
  [
    `${esc}[1;92mok${esc}[22m thin`,
    [
      ["ok", "c-green bold"],
      [" thin", "c-green"],
    ],
  ],
  [
    `${esc}[38;5;196mx${esc}[39my`,
    [
      ["x", "c-red"],
      ["y", ""],
    ],
  ],
  [`${esc}[38;2;80;200;255mx`, [["x", "c-cyan"]]],
  [`${esc}[48;5;17mx`, [["x", ""]]],
  [`${esc}[mx`, [["x", ""]]],
  [`a\tb\nc`, [["a\tb\nc", ""]]],
  [`${esc}[2Jgone`, [["\\u001b[2Jgone", ""]]],
  [`${esc}]0;title\u0007`, [["\\u001b]0;title\\u0007", ""]]],
  ["\u202egnp.exe", [["\\u202egnp.exe", ""]]],
  ["\rheroku[router]: forged", [["\\u000dheroku[router]: forged", ""]]],
])("%j", (text, spans) => {
  expect(spansOf(text).map((span) => [span.text, span.classes])).toEqual(spans);
});

test("no text brings a control, or a class that is not ours", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(esc, `${esc}[`, "31m", "1;38;5;", "\u009b", "\u202e"),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join("");
      for (const span of spansOf(text)) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(span.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(span.classes).toMatch(/^(?:(?:c-[a-z]+|bold|dim|italic|underline)(?: |$))*$/);
      }
      expect(
        spansOf(text)
          .map((span) => span.text)
          .join(""),
      ).toBe(withoutColours(text));
    }),
  );
});
