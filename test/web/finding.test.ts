/** The search within the lines that are loaded. */
import { describe, expect, test, vi } from "vitest";
import { findingOf } from "../../web/src/log/expression-finding.ts";
import { type Finding, placesMax, plainFinding } from "../../web/src/log/finding.ts";
import { TimeShare } from "../../web/src/parts/time-share.ts";

function expression(text: string): Finding {
  const finding = findingOf(`/${text}/`, text);
  if (typeof finding === "string") throw new Error(finding);
  return finding;
}

/** The parts of a text that are marked. */
const marked = (finding: Finding, text: string) =>
  finding.placesIn(text).map(([from, to]) => text.slice(from, to));

test.each([
  [
    "plain text, whatever stands in it",
    plainFinding("a.b (c|d)"),
    "xa.b (c|d) A.B (C|D) axb",
    ["a.b (c|d)", "A.B (C|D)"],
  ],
  ["an expression", expression("timeou?t|re(fus)ed"), "Timeout and refused", ["Timeout", "refused"]],
  ["an expression that also finds nothing", expression("a*"), "baab", ["aa"]],
])("%s is marked in any case", (_, finding, text, found) => {
  expect(finding.isIn(text)).toBe(true);
  expect(marked(finding, text)).toEqual(found);
  expect(finding.isIn("-")).toBe(finding.placesIn("-").length > 0 || finding.isIn(""));
});

test("an expression that is none, or larger than one of a filter may be, is told with the reason", () => {
  expect(findingOf("/a(/", "a(")).toMatch(/^“a\(” is no expression that can be used: .*missing closing \)/);
  expect(findingOf("/x/", "(?:a{1000}){2}")).toEqual(expect.any(String));
  expect(findingOf("/x/", "\\pL{600}")).toMatch(/500 are the most/);
  expect(findingOf("/x/", "(?=a)")).toEqual(expect.any(String));
});

const long = 250_000;

describe("time grows with the text at most", () => {
  // Browsers go back and forth in these for minutes, or for as long as the tab is open.
  test.each([
    "(a+)+$",
    "(a|a)*b",
    "(?:a|aa)+!$",
    "(.*)(.*)(.*)(.*)(.*)x",
    "^(\\w+\\s?)*$",
    "(?:a?){60}a{60}b",
    "a.*?b|a",
  ])("%s", (text) => {
    const finding = expression(text);
    const startMs = performance.now();
    for (const one of [`${"a".repeat(60)}!`, "a".repeat(long), "a ".repeat(long / 2)]) {
      finding.isIn(one);
      expect(finding.placesIn(one).length).toBeLessThanOrEqual(placesMax);
    }
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  test("a smaller expression is run over more of a text, and plain text is looked for in all of it", () => {
    const text = `${"-".repeat(50_000)}needle`;
    expect(expression("need[l]e").isIn(text)).toBe(true);
    expect(expression("need[l]e{100}|needle").isIn(text)).toBe(false);
    expect(plainFinding("needle").isIn(`${"-".repeat(long)}needle`)).toBe(true);
  });

  test("of the matches in a text so many are marked", () => {
    for (const finding of [plainFinding("a"), expression("a")])
      expect(finding.placesIn("a".repeat(8_000))).toHaveLength(placesMax);
  });

  test("rows that are drawn when the second's time is used up are not marked, those of the next second are", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const share = new TimeShare();
    const take = (ms: number) => share.use(() => vi.advanceTimersByTime(ms) && "marked", "not marked");
    expect([take(300), take(200), take(1)]).toEqual(["marked", "marked", "not marked"]);
    vi.advanceTimersByTime(1_000);
    expect(take(1)).toBe("marked");
    vi.useRealTimers();
  });
});
