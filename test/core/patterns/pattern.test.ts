import fc from "fast-check";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import { estimatedInstructions, readPattern } from "../../../src/core/patterns/pattern.ts";

test("what a pattern compiles to is never more than estimated", () => {
  const part = fc.constantFrom(
    ...[
      "a",
      "\\d",
      "\\pL",
      "\\p{Greek}",
      "[a-z]",
      "[]a]",
      "[^]\\]]",
      "[[:alpha:]({5}]",
      "\\x{10}",
      "\\Q({9}\\E",
    ],
    ...["\\{", "\\(", "(?i)k", ".", "^", "\\b", "$", "é", "[(]", "[{3}]", "{", "}", "]"],
  );
  const times = fc.constantFrom(
    "",
    "",
    "*",
    "+",
    "?",
    "??",
    "{3}",
    "{2,}",
    "{2,5}",
    "{0,7}",
    "{1000}",
    "{0}",
    "{,3}",
  );
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc
      .array(
        fc.oneof(
          { depthSize: "small" },
          fc.tuple(part, times).map((both) => both.join("")),
          fc
            .tuple(fc.constantFrom("(", "(?:", "(?P<n>", "(?i:", "(?s-m:"), tie("pattern"), times)
            .map(([open, body, again]) => `${open}${body})${again}`),
          fc.tuple(tie("pattern"), tie("pattern")).map((both) => both.join("|")),
        ),
        { maxLength: 5 },
      )
      .map((parts) => parts.join("")),
  }));
  let compiled = 0;
  fc.assert(
    fc.property(pattern, (text) => {
      const estimate = estimatedInstructions(text);
      if (estimate > 5_000) return;
      let size: number;
      try {
        size = RE2JS.compile(text).programSize();
      } catch {
        return; // no expression at all
      }
      compiled++;
      expect(estimate).toBeGreaterThanOrEqual(size - 2);
    }),
    { numRuns: 2_000 },
  );
  expect(compiled).toBeGreaterThan(100);
});

test("what would be written out to a hundred thousand instructions is refused before it is compiled", () => {
  for (const pattern of [
    "((a{100}){100}){10}",
    `(${"ab?".repeat(300)}){999}`,
    `(?:${"a*".repeat(490)}){999}`,
  ]) {
    expect(readPattern(pattern)).toMatch(/^it compiles to about \d{5,7} instructions, and 500 are the most/);
  }
});

test("what owners look for fits", () => {
  for (const pattern of [
    "acct-\\d{4,12}",
    "(?i)(password|secret|token)\\s*[:=]\\s*\\S+",
    "\\b[A-Z]{2}\\d{2}[A-Z0-9]{11,30}\\b",
    "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}",
    "-----BEGIN [A-Z ]{1,30}PRIVATE KEY-----[A-Za-z0-9+/=\\\\n]{64,}",
  ]) {
    expect(readPattern(pattern)).toMatchObject({ instructions: expect.any(Number) });
  }
});

test.each([
  ["timeout", "timeout"],
  ["GET /a b", "GET /a b"],
  ["status\\=5\\.1 \\[x\\]", "status=5.1 [x]"],
  ["größe 🙂", "größe 🙂"],
])("%j is plain text", (pattern, plain) => {
  expect(readPattern(pattern)).toMatchObject({ plain });
});

test.each(["a.b", "a\\d", "^a", "(?i)a", "a|b", "a{2}", "[a]", "a\\n", "\\Qa\\E", "\uFFFD", "\uD800x", "a?"])(
  "%j is none",
  (pattern) => {
    expect(readPattern(pattern)).toMatchObject({ plain: undefined });
  },
);

test("plain text is found where its expression is", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "é", "🙂", "\\", "[", " "), maxLength: 12 });
  const part = fc.string({
    unit: fc.constantFrom("a", "b", "é", "🙂", "\\.", "\\[", " "),
    minLength: 1,
    maxLength: 2,
  });
  fc.assert(
    fc.property(part, text, (pattern, hay) => {
      const read = readPattern(pattern);
      if (typeof read === "string" || read.plain === undefined) throw new Error("no plain text");
      expect(Buffer.from(hay).includes(read.plain)).toBe(RE2JS.compile(pattern).test(hay));
    }),
  );
});

test.each([
  ["\\pL|".repeat(150), /^it has 150 classes like \\pL, and 10 are the most/],
  [`[${"\\PN".repeat(11)}]`, /^it has 11 classes like/],
  [`(?i)${"[b-\\x{10fffe}]".repeat(60)}`, /^its ranges have \d{8} characters, and 1200000 are the most/],
  ["(?:a(?mi:[\\x{80}-\\x{10FFFF}]|[b-\u{10FFFE}]))", /^its ranges have \d+ characters/],
])("%j is refused before it is compiled, as that alone would take long", (pattern, reason) => {
  expect(readPattern(pattern)).toMatch(reason);
});

test.each([
  "(?i)[\\x{80}-\\x{10FFFF}]",
  "[b-\\x{10fffe}]{30}",
  "(?i)\\pL+\\s\\p{Greek}[^a-z]",
  "(?i)[a-z]{200}-x",
])("%j is not", (pattern) => {
  expect(readPattern(pattern)).toMatchObject({ text: pattern });
});
