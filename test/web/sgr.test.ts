import fc from "fast-check";
import { expect, test } from "vitest";
import { sgrAfter, sgrOff } from "../../src/core/terminal/sgr.ts";
import { spansOf, withoutColours } from "../../web/src/log/sgr.ts";
import {
  contrast,
  contrastMin,
  lookOf,
  luminance,
  type Rgb,
  rowLuminance,
} from "../../web/src/log/sgr-colours.ts";

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
      ["x", "sgr-text"],
      ["y", ""],
    ],
  ],
  [`${esc}[38;5;9mx`, [["x", "c-red"]]],
  [`${esc}[38;2;80;200;255mx`, [["x", "sgr-text"]]],
  [`${esc}[48;5;17mx`, [["x", "sgr-on"]]],
  [`${esc}[41;97mx${esc}[49m`, [["x", "sgr-on"]]],
  [
    `${esc}[7mx${esc}[27;4;9;3my`,
    [
      ["x", "inverse"],
      ["y", "italic underline strike"],
    ],
  ],
  [`${esc}[90mx`, [["x", "dim"]]],
  [`${esc}[8;5mx`, [["x", ""]]],
  [`${esc}[mx`, [["x", ""]]],
  [`a\tb\nc`, [["a\tb\nc", ""]]],
  [`${esc}[2Jgone`, [["\\u001b[2Jgone", ""]]],
  [`${esc}]0;title\u0007`, [["\\u001b]0;title\\u0007", ""]]],
  ["\u202egnp.exe", [["\\u202egnp.exe", ""]]],
  ["us\u200ber \u{e0041} 👩‍💻", [["us\\u200ber \\udb40\\udc41 👩‍💻", ""]]],
  ["\rheroku[router]: forged", [["\\u000dheroku[router]: forged", ""]]],
])("%j", (text, spans) => {
  expect(spansOf(text).map((span) => [span.text, span.classes])).toEqual(spans);
});

test("no text brings a control, or a class that is not ours", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      esc,
      `${esc}[`,
      "31m",
      "1;38;5;",
      "\u009b",
      "\u202e",
      "👩",
      "\u200d",
      "\ufe0f",
      "\u{e0041}",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join("");
      for (const span of spansOf(text)) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(span.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(span.classes).toMatch(
          /^(?:(?:c-[a-z]+|sgr-text|sgr-on|inverse|bold|dim|italic|underline|strike)(?: |$))*$/,
        );
      }
      expect(
        spansOf(text)
          .map((span) => span.text)
          .join(""),
      ).toBe(withoutColours(text));
    }),
  );
});

const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
const styleOf = (parameters: string) =>
  lookOf(sgrAfter(sgrOff, `${esc}[${parameters}m`)).style as Record<string, string>;
const byte = fc.nat(255);
const colour = fc.oneof(
  byte.map((n) => `5;${n}`),
  fc.tuple(byte, byte, byte).map((rgb) => `2;${rgb.join(";")}`),
);

test("every colour can be read: on a row in light and in dark, and on every background", () => {
  fc.assert(
    fc.property(colour, fc.option(colour), fc.boolean(), (text, back, isInverse) => {
      const style = styleOf(`38;${text}${back === null ? "" : `;48;${back}`}${isInverse ? ";7" : ""}`);
      if (style === undefined) return; // one of the page's own, which axe judges
      if (style["--sgr-back"] !== undefined) {
        const [front, ground] = [style["--sgr-text"]!, style["--sgr-back"]].map((hex) =>
          luminance(rgbOf(hex)),
        );
        expect(contrast(front!, ground!)).toBeGreaterThanOrEqual(contrastMin);
        return;
      }
      for (const scheme of ["light", "dark"] as const) {
        const front = luminance(rgbOf(style[`--sgr-${scheme}`]!));
        expect(contrast(front, rowLuminance[scheme])).toBeGreaterThanOrEqual(contrastMin);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a colour stays what it is where it can be read, in all the ways to write it", () => {
  expect(styleOf("38;2;0;90;160")["--sgr-light"]).toBe("#005aa0");
  for (const written of ["38;2;80;200;255", "38:2:80:200:255", "38:2::80:200:255"])
    expect(styleOf(written)["--sgr-dark"]).toBe("#50c8ff");
  expect(styleOf("48;2;1;2;3")).toEqual({ "--sgr-text": "#ffffff", "--sgr-back": "#010203" });
  expect(styleOf("48;5;232;38;5;255")).toEqual({ "--sgr-text": "#eeeeee", "--sgr-back": "#080808" });
});
