import { describe, expect, test } from "vitest";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import { isBlank } from "../../../src/core/filter/blank-line.ts";
import { compileFilter } from "../../../src/core/filter/line-filter.ts";
import { octetCounted } from "../../support/frames.ts";

const line = (message: string) => {
  const cursor = new LineCursor().open(
    octetCounted(`<190>1 2026-01-02T03:04:05Z host app web.1 - ${message}`),
    "logplex",
  );
  cursor.next();
  return cursor;
};
const blank = ["", " ", "   ", "\n", "\r\n", " \t\v\f \n", "\u00a0", " \u2003\u3000 ", "\ufeff\n"];
const visible = ["a", " a", "\n.\n", "\u0007", "\u0000", "\u2003é", "é", "🙂", "\ufffd", "-"];

test.each(blank)("%j has nothing to see", (message) => expect(isBlank(line(message))).toBe(true));
test.each(visible)("%j is not blank", (message) => expect(isBlank(line(message))).toBe(false));

describe("a filter for a receiver that refuses blank lines", () => {
  const filterOf = (...given: Parameters<typeof compileFilter>) => {
    const compiled = compileFilter(...given);
    if (compiled.kind === "bad") throw new Error(compiled.reason);
    return compiled.filter;
  };

  test("leaves them out, and what its owner leaves out besides", () => {
    const filter = filterOf({ sources: ["app"] }, { keepsBlanks: false })!;
    expect([filter.keeps(line("a")), filter.keeps(line(" "))]).toEqual([true, false]);
    expect(filterOf({ sources: ["other"] }, { keepsBlanks: false })!.keeps(line("a"))).toBe(false);
    expect(filterOf({}, { keepsBlanks: false })!.keeps(line(" "))).toBe(false);
  });

  test("is another one than that for all others, which keep them", () => {
    expect(filterOf({})).toBeUndefined();
    expect(filterOf({ sources: ["app"] })!.keeps(line(" "))).toBe(true);
    expect(filterOf({ sources: ["app"] })!.key).not.toBe(
      filterOf({ sources: ["app"] }, { keepsBlanks: false })!.key,
    );
  });
});
