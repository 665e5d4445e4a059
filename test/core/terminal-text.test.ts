import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { oneLine, terminalText } from "../../src/core/terminal-text.ts";

const esc = "\u001b";
/** What drives terminals, in many spellings, among what does not. */
const piece = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.constantFrom(
      "\r",
      "\n",
      "\t",
      "\b",
      "\u0007",
      "\u007f",
      "\u009b2J",
      "\u0085",
      "\u202e",
      "\u2066",
      "☃",
    ),
    fc.constantFrom("[2J", "[1;1H", "[?1049h", "]0;owned\u0007", "]8;;http://x\u001b\\", "P+q\u001b\\", "c"),
    fc.constantFrom(
      "[31m",
      "[0m",
      "[m",
      "[38;2;1;2;3m",
      "[38:5:9m",
      "[>4;2m",
      "[?1m",
      "[ m",
      `[${"1;".repeat(99)}m`,
    ),
  )
  .chain((text) => fc.constantFrom(text, esc + text, esc.repeat(2) + text, text + esc));
const hostile = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

/** The reader's own idea of colours: the sequences by themselves, apart from the code under test. */
function withoutColours(text: string): string {
  let rest = "";
  for (let at = 0; at < text.length; at++) {
    const end = text.indexOf("m", at);
    const isColour = text.startsWith(`${esc}[`, at) && end !== -1;
    const inside = isColour ? [...text.slice(at + 2, end)] : undefined;
    if (inside?.every((char) => "0123456789:;".includes(char))) at = end;
    else rest += text[at];
  }
  return rest;
}

const isHarmless = (char: string): boolean => {
  const code = char.charCodeAt(0);
  if (char === "\n" || char === "\t") return true;
  const turnsText =
    code === 0x61c || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return code >= 0x20 && (code < 0x7f || code > 0x9f) && !turnsText;
};

describe("text for a terminal", () => {
  test("has no control but line ends, tabs and colours, whatever is printed", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect([...withoutColours(terminalText(text, true))].filter((char) => !isHarmless(char))).toEqual([]);
        expect([...terminalText(text, false)].filter((char) => !isHarmless(char))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test("is as it was where nothing drives a terminal", () => {
    const plain = fc.string({ unit: "grapheme" }).filter((text) => [...text].every(isHarmless));
    fc.assert(
      fc.property(plain, (text) => {
        expect(terminalText(text, true)).toBe(text);
      }),
    );
  });

  test("shown twice is as shown once", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const once = terminalText(text, true);
        expect(terminalText(once, true)).toBe(once);
      }),
    );
  });

  test("colours no line but its own", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const line of terminalText(`${text}\nnext`, true).split("\n")) {
          const colours = [...line.matchAll(new RegExp(`${esc}\\[([0-9:;]*)m`, "g"))].map(
            (match) => match[1]!,
          );
          if (colours.length > 0) expect(colours.at(-1)).toMatch(/^[0:;]*$/);
        }
      }),
    );
  });

  test("writes out what it does not pass on, in the words of JSON", () => {
    expect(terminalText(`a${esc}[2J${esc}]0;owned\u0007\u009b1m\r\u007f\u202eb`, true)).toBe(
      "a\\u001b[2J\\u001b]0;owned\\u0007\\u009b1m\\u000d\\u007f\\u202eb",
    );
    const value = { message: `\u009b2J\u202e\u007f` };
    expect(JSON.parse(terminalText(JSON.stringify(value), true))).toEqual(value);
  });

  test("keeps an app's colours, or takes them away", () => {
    const line = `${esc}[1;31mred${esc}[0m plain ${esc}[38;2;1;2;3mtrue colour`;
    expect(terminalText(line, true)).toBe(`${line}${esc}[0m`);
    expect(terminalText(line, false)).toBe("red plain true colour");
  });
});

test("a cell of a table stays in its line", () => {
  expect(oneLine("https://h/\r\nd.1  idle")).toBe("https://h/\\u000d\\u000ad.1  idle");
});

test("no text of an app is hidden or blinks", () => {
  const codes = fc.array(fc.constantFrom("8", "08", "5", "6", "28", "25", "31", "1", "38;5;8", ""), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(codes, (given) => {
      const shown = terminalText(`${esc}[${given.join(";")}mtext${esc}[0m`, true);
      const left = [...shown.matchAll(/\[([0-9;]*)m/g)].map(([, all]) => all!.replaceAll("38;5;8", ""));
      for (const code of left.flatMap((all) => all.split(";")))
        expect([5, 6, 8, 25, 28]).not.toContain(Number(code));
      expect(shown).toContain("text");
    }),
  );
});
