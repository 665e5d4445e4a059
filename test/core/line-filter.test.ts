import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { canoniseBody } from "../../src/core/canonical.ts";
import { compileFilter, type FilterSpec, preselect } from "../../src/core/line-filter.ts";
import { charsMax } from "../../src/core/pattern.ts";
import { matchTask, PatternWork } from "../../src/core/pattern-work.ts";
import { octetCounted } from "../support/frames.ts";

/** Whether the filter keeps a line: what it says at once, and what a thread says of its expressions. */
function keeps(spec: FilterSpec, source: string, process: string, message = "hello\n"): boolean {
  const found = compileFilter(spec);
  if (found.kind === "bad") throw new Error(found.reason);
  const body = octetCounted(`<190>1 2026-01-02T03:04:05Z h x ${process} - - ${message}`);
  const lines = canoniseBody(body, source, { frameBytesMax: 1_000_000, nowMs: 0 });
  if (lines.kind === "bad") throw new Error(lines.reason);
  if (found.filter === undefined) return true;
  const { kept, work } = preselect(lines.lines, found.filter);
  if (work === undefined) return kept[0] === 1;
  const outcome = new PatternWork(10).do(matchTask(work, 0, 1_000), () => false);
  return outcome.kind === "match" && outcome.holds[0] === 1;
}

describe("a filter", () => {
  test("of nothing keeps every line and costs nothing", () => {
    expect(compileFilter({})).toEqual({ kind: "filter", filter: undefined });
    expect(compileFilter({ sources: [], dynos: [] })).toEqual({ kind: "filter", filter: undefined });
  });

  test("compares sources whole", () => {
    expect(keeps({ sources: ["heroku", "app"] }, "app", "web.1")).toBe(true);
    expect(keeps({ sources: ["ap"] }, "app", "web.1")).toBe(false);
    expect(keeps({ sources: ["apple"] }, "app", "web.1")).toBe(false);
  });

  test("takes a process or a process type", () => {
    expect(keeps({ dynos: ["web"] }, "app", "web.1")).toBe(true);
    expect(keeps({ dynos: ["web.1"] }, "app", "web.1")).toBe(true);
    expect(keeps({ dynos: ["web"] }, "app", "webx.1")).toBe(false);
    expect(keeps({ dynos: ["web.1"] }, "app", "web.12")).toBe(false);
    expect(keeps({ dynos: ["router"] }, "heroku", "router")).toBe(true);
  });

  test("matches the message, without its newline, and all parts must hold", () => {
    expect(keeps({ match: "^h.*o$" }, "app", "web.1")).toBe(true);
    expect(keeps({ match: "web" }, "app", "web.1")).toBe(false);
    expect(keeps({ exclude: "ell" }, "app", "web.1")).toBe(false);
    expect(keeps({ match: "hello", exclude: "nothing", sources: ["heroku"] }, "app", "web.1")).toBe(false);
  });

  test("names the pattern that is none", () => {
    expect(compileFilter({ match: "(" })).toMatchObject({ kind: "bad", field: "match" });
    expect(compileFilter({ exclude: "(?=x)" })).toMatchObject({ kind: "bad", field: "exclude" });
    expect(compileFilter({ match: "x".repeat(1001) })).toMatchObject({ kind: "bad", field: "match" });
  });

  test("refuses a pattern of too many instructions", () => {
    const reason = expect.stringMatching(/^it compiles to .* instructions, and 500 are the most/);
    for (const match of ["([a-z]?){900}[0-9]", "\\pL{1000}", `(${"ab?".repeat(300)}){999}`]) {
      expect(compileFilter({ match })).toEqual({ kind: "bad", field: "match", reason });
    }
    expect(compileFilter({ match: "[a-z]{400}" })).toMatchObject({ kind: "filter" });
  });

  test("keeps a line whose first part alone is looked at, unless that part decides", () => {
    const pattern = "[a-z]{200}-?[0-9]$";
    const looked = charsMax(RE2JS.compile(pattern).programSize());
    const whole = ".".repeat(looked);
    const found = `${"a".repeat(200)}7`;
    expect(keeps({ match: pattern }, "app", "web.1", whole)).toBe(false);
    expect(keeps({ match: pattern }, "app", "web.1", `${whole}.`)).toBe(true);
    expect(keeps({ exclude: pattern }, "app", "web.1", `${whole}${found}`)).toBe(true);
    const cut = `${".".repeat(looked - found.length)}${found}`;
    expect(keeps({ exclude: pattern }, "app", "web.1", cut)).toBe(false);
    expect(keeps({ exclude: pattern }, "app", "web.1", `${cut} goes on`)).toBe(true);
    expect(keeps({ exclude: "[a-z]{200}[0-9]" }, "app", "web.1", `${found}${whole}`)).toBe(false);
  });

  test("plain text is decided at once, an expression is left to be run", () => {
    const expressionsOf = (spec: FilterSpec) => {
      const found = compileFilter(spec);
      if (found.kind === "bad") throw new Error(found.reason);
      return found.filter!.expressions;
    };
    expect(expressionsOf({ match: "GET /a", exclude: "health\\.check" })).toEqual([]);
    expect(expressionsOf({ match: "a.b", exclude: "c" })).toMatchObject([{ text: "a.b", found: true }]);
    expect(expressionsOf({ match: "a", exclude: "c+" })).toMatchObject([{ text: "c+", found: false }]);
  });

  test("equal specs have equal keys, others have not", () => {
    const keyOf = (spec: FilterSpec) => {
      const found = compileFilter(spec);
      return found.kind === "filter" ? found.filter?.key : undefined;
    };
    expect(keyOf({ match: "a" })).toBe(keyOf({ match: "a", sources: [] }));
    expect(keyOf({ match: "a" })).not.toBe(keyOf({ exclude: "a" }));
  });

  test("a pattern that would blow up elsewhere takes its turn and no more", () => {
    expect(keeps({ match: "^(a+)+$" }, "app", "web.1", `${"a".repeat(5000)}b`)).toBe(false);
  });
});
