import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, test, vi } from "vitest";
import { cutTo, padTo, shortened, widthOf, withoutTabs, wrapped } from "../../../cli/view/columns.ts";
import { withoutSgr } from "../../../src/core/terminal/sgr.ts";

const esc = "\u001b";
/** Text as it comes from `terminalText`: plain, wide, combining, emoji, and colours. */
const text = fc
  .array(
    fc.oneof(
      fc.stringMatching(/^[a-z ]{0,12}$/),
      fc.constantFrom(
        "日本語",
        "e\u0301",
        "👩‍👩‍👧",
        "🇯🇵",
        "ａ",
        "     ",
        "…",
        `${esc}[31m`,
        `${esc}[0m`,
        `${esc}[1;44m`,
        `${esc}[39m`,
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));
const lastColour = /\[([0-9:;]*)m[^[]*$/;

describe("wrapping", () => {
  test("makes rows that fit, loses nothing but blanks, and leaves no colour on", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 30 }), (given, width) => {
        const rows = wrapped(given, width);
        for (const row of rows) {
          expect(stringWidth(withoutSgr(row))).toBeLessThanOrEqual(width);
          const [, last = ""] = lastColour.exec(row) ?? [];
          if (/[1-9]/.test(last)) expect(last).toBe("39");
        }
        expect(withoutSgr(rows.join("")).replaceAll(" ", "")).toBe(withoutSgr(given).replaceAll(" ", ""));
      }),
    );
  });

  test("breaks between words, goes on in the same colours, and begins no row with blanks", () => {
    expect(wrapped("one two three", 9)).toEqual(["one two ", "three"]);
    expect(wrapped("abcdefghijk", 4)).toEqual(["abcd", "efgh", "ijk"]);
    expect(wrapped(`${esc}[31mred rose${esc}[0m x`, 4)).toEqual([
      `${esc}[31mred ${esc}[0m`,
      `${esc}[31mrose${esc}[0m`,
      "x",
    ]);
    expect(wrapped(`x${" ".repeat(40)}y`, 10)).toEqual([`x${" ".repeat(9)}`, "y"]);
  });

  test("a word that fits into a row is never cut, with colours or marks in it either", () => {
    const words = fc.array(fc.stringMatching(/^[a-z/_=.]{1,12}$/), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(words, fc.integer({ min: 12, max: 30 }), fc.nat(10), (given, width, n) => {
        const marked = given.map((word, i) => (i % 3 === n % 3 ? `${esc}[7m${word}${esc}[27m` : word));
        const rows = wrapped(marked.join(" "), width).map(withoutSgr);
        expect(rows.flatMap((row) => row.trim().split(" "))).toEqual(given);
      }),
    );
  });

  test("a word that is longer than a row is cut behind a separator, else anywhere", () => {
    expect(wrapped("payment failed code=card_declined", 26)).toEqual([
      "payment failed ",
      "code=card_declined",
    ]);
    expect(wrapped("GET /lists/42/items/declined?page=2", 20)).toEqual([
      "GET /lists/42/items/",
      "declined?page=2",
    ]);
    expect(wrapped('{"code":"card_declined","n":1}', 16)).toEqual(['{"code":', '"card_declined",', '"n":1}']);
    expect(wrapped(`    ${"x".repeat(9)}`, 10)).toEqual([`    ${"x".repeat(6)}`, "xxx"]);
  });

  test("a long text takes as many steps as it has characters", () => {
    const text = "ab/".repeat(100_000);
    expect(wrapped(text, 80).length).toBeLessThanOrEqual(Math.ceil(text.length / 77));
  });

  test("takes a wide character whole", () => {
    expect(wrapped("日本語", 5)).toEqual(["日本", "語"]);
    expect(wrapped("日", 1)).toEqual(["日"]);
  });
});

describe("columns", () => {
  test("are counted as a terminal counts them", () => {
    expect(["abc", "日本", "e\u0301", `${esc}[1mx${esc}[22m`].map(widthOf)).toEqual([3, 4, 1, 1]);
    expect(padTo("日", 4)).toBe("日  ");
  });

  test("a cut text ends with a mark, and with no colour on", () => {
    expect(cutTo("abcdef", 4, "…")).toBe("abc…");
    expect(cutTo("abc", 4, "…")).toBe("abc");
    expect(cutTo(`${esc}[31mabcdef${esc}[0m`, 4, "…")).toBe(`${esc}[31mabc${esc}[0m…`);
    expect(cutTo("日本語", 4, "…")).toBe("日…");
  });

  test("a name is shortened in its middle", () => {
    expect(shortened("shop-checkout", 9, "…")).toBe("shop…kout");
    expect(shortened("web.1", 9, "…")).toBe("web.1");
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.integer({ min: 1, max: 20 }), (name, width) => {
        expect(widthOf(shortened(name, width, "…"))).toBeLessThanOrEqual(Math.max(width, 1));
      }),
    );
  });

  test("tabs are the blanks that they stand for", () => {
    expect(withoutTabs("a\tb\t日\tc")).toBe("a       b       日      c");
  });
});

const longTexts = fc
  .array(fc.constantFrom("界", "か\u3099", "👩‍👩‍👧", "🇯🇵", "한", "🏽", "ж\u0301"), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join("").repeat(400));

test("a long text has the characters that it has as a whole, and is never segmented whole", () => {
  const whole = (long: string) => [...new Intl.Segmenter().segment(long)].map(({ segment }) => segment);
  fc.assert(
    fc.property(longTexts, (long) => {
      const expected = whole(long);
      const segment = vi.spyOn(Intl.Segmenter.prototype, "segment");
      try {
        // Node 20 takes half a minute for 80,000 characters at a time.
        const width = widthOf(long);
        for (const [given] of segment.mock.calls) expect(given.length).toBeLessThanOrEqual(600);
        // One that is longer than a block, as hundreds of skin tones, is cut.
        const isCut = expected.some(({ length }) => length > 500);
        if (!isCut) expect(width).toBe(expected.reduce((sum, one) => sum + stringWidth(one), 0));
        expect(wrapped(long, 1_000).join("")).toBe(long);
      } finally {
        segment.mockRestore();
      }
    }),
    { numRuns: 30, examples: [["🏽".repeat(400)]] },
  );
});
