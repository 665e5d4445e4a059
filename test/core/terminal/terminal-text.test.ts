import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { oneLine, terminalText } from "../../../src/core/terminal/terminal-text.ts";

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
      "\u200b",
      "\u200d",
      "\ufe0f",
      "\u{e0041}",
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

/** All that Unicode calls a format character or ignorable, and fillers; those that shape others are tested by themselves. */
const isUnseen = (char: string): boolean =>
  /^[\p{Cf}\p{Default_Ignorable_Code_Point}]$/u.test(char) &&
  !/^[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]$/u.test(char);
/** Joiners, variation selectors and tags. */
const shapes = (char: string): boolean => {
  const code = char.codePointAt(0)!;
  const isSelector =
    (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0x180b && code <= 0x180f && code !== 0x180e);
  return code === 0x200c || code === 0x200d || isSelector || (code >= 0xe0020 && code <= 0xe01ef);
};

const isHarmless = (char: string): boolean => {
  const code = char.charCodeAt(0);
  if (char === "\n" || char === "\t") return true;
  const turnsText =
    code === 0x61c || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  if (isUnseen(char) && !shapes(char)) return false;
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
    const plain = fc
      .string({ unit: "grapheme" })
      .filter((text) => [...text].every((char) => isHarmless(char) && !shapes(char)));
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
  expect(oneLine("\v\f\u0085\u2028\u2029\t")).toBe("\\u000b\\u000c\\u0085\\u2028\\u2029\t");
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

describe("what is not seen", () => {
  test("is written out, all that Unicode has of it", () => {
    const unseen = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const char = String.fromCodePoint(code);
      if ((code < 0xd800 || code > 0xdfff) && /^\p{Cf}$/u.test(char) && isUnseen(char)) unseen.push(char);
    }
    unseen.push("\u115f", "\u1160", "\u3164", "\uffa0", "\u034f", "\ufe0f", "\u{e0100}", "\u17b4");
    expect(unseen.length).toBeGreaterThan(150);
    for (const char of unseen) {
      const shown = terminalText(`user${char}name`, true);
      expect(shown).toMatch(/^user(?:\\u[0-9a-f]{4}){1,2}name$/);
      expect(JSON.parse(`"${shown}"`)).toBe(`user${char}name`);
    }
  });

  test.each([
    ["a family", "👩‍👩‍👧 👩🏽‍💻 🏳️‍🌈 ❤️‍🔥"],
    ["a keycap and a heart", "1️⃣ ❤️ ☎︎"],
    ["flags", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🇩🇪"],
    ["Persian, with its joiners", "می\u200cخواهم"],
    ["Hindi and Malayalam", "क्\u200dष ന്\u200d"],
    ["a variant of a Chinese character", "葛\u{e0100}"],
  ])("%s stays as it is", (_, text) => {
    expect(terminalText(text, true)).toBe(text);
  });

  test("is written out where it shapes nothing", () => {
    expect(terminalText("a\u200db 👩\u200dx م\u200c\u200c a\ufe0f 1\ufe0f ❤\ufe0f\ufe0f", true)).toBe(
      "a\\u200db 👩\\u200dx م\u200c\\u200c a\\ufe0f 1\\ufe0f ❤\ufe0f\\ufe0f",
    );
  });
});
