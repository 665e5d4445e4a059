import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Highlighter } from "../../../cli/view/highlight.ts";
import { withoutSgr } from "../../../src/core/terminal/sgr.ts";

const esc = "\u001b";
const marks = (patterns: string[], row: string) =>
  new Highlighter(patterns).marked(row, (text) => `<${text}>`);

describe("what was looked for", () => {
  test.each<[patterns: string[], row: string, marked: string]>([
    [["b+"], "abba", "a<bb>a"],
    [["ab", "bc"], "abc", "<abc>"],
    [["x*"], "axa", "a<x>a"],
    [["red"], `r${esc}[31med${esc}[0m`, `<r>${esc}[31m<ed>${esc}[0m`],
    [["(?i)é"], "É", "<É>"],
    [[], "abc", "abc"],
  ])("%j in %j is marked", (patterns, row, marked) => {
    expect(marks(patterns, row)).toBe(marked);
  });

  test("marks change nothing else", () => {
    const row = fc.array(fc.constantFrom("a", "b", "日", `${esc}[31m`, `${esc}[0m`), { maxLength: 20 });
    fc.assert(
      fc.property(row, fc.constantFrom("a", "[ab]+", "b.", ""), (parts, pattern) => {
        const text = parts.join("");
        expect(marks([pattern], text).replace(/[<>]/g, "")).toBe(text);
        expect(withoutSgr(marks([pattern], text)).replace(/[<>]/g, "")).toBe(withoutSgr(text));
      }),
    );
  });

  test("is looked for within bounds", () => {
    expect(marks(["a"], "a".repeat(1_000)).match(/</g)).toHaveLength(1);
    expect(marks(["ab"], "ab ".repeat(1_000)).match(/</g)).toHaveLength(200);
    expect(marks(["z"], `${" ".repeat(9_000)}z`)).not.toContain("<");
  });
});
