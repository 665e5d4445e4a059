import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { compileFilter, type FilterSpec, preselect } from "../../../src/core/filter/line-filter.ts";
import { isAsBad, type Level, levelOf } from "../../../src/core/message/level.ts";
import { charsMax } from "../../../src/core/patterns/pattern.ts";
import { matchTask, PatternWork } from "../../../src/core/patterns/pattern-work.ts";
import { canonised } from "../../support/canonised.ts";
import { octetCounted } from "../../support/frames.ts";

/** Whether the filter keeps a line: what it says at once, and what a thread says of its expressions. */
function keeps(spec: FilterSpec, source: string, process: string, message = "hello\n"): boolean {
  const found = compileFilter(spec);
  if (found.kind === "bad") throw new Error(found.reason);
  const body = octetCounted(`<190>1 2026-01-02T03:04:05Z h x ${process} - - ${message}`);
  const lines = canonised(body, source, { frameBytesMax: 1_000_000, nowMs: 0 });
  if (found.filter === undefined) return true;
  const { kept, work } = preselect(lines, found.filter);
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

  test.each<[glob: string, kept: string[], not: string[]]>([
    ["web.*", ["web.1", "web."], ["web", "webx.1", "aweb.1"]],
    ["*.1", ["web.1", "worker.1"], ["web.11", "web"]],
    ["w*r.*1", ["worker.1", "wr.1", "worker.211"], ["worker.2", "wor", "worker1"]],
    ["*", ["web.1", "x"], []],
    ["a*a", ["aa", "aba"], ["a"]],
  ])("takes names with stars: %s", (glob, kept, not) => {
    for (const name of kept) {
      expect(keeps({ dynos: [glob] }, "app", name), name).toBe(true);
      expect(keeps({ excludeDynos: [glob] }, "app", name), name).toBe(false);
    }
    for (const name of not) expect(keeps({ dynos: ["x.9", glob] }, "app", name), name).toBe(false);
  });

  test("leaves processes out", () => {
    expect(keeps({ excludeDynos: ["web", "x"] }, "app", "web.1")).toBe(false);
    expect(keeps({ excludeDynos: ["web", "x"] }, "app", "worker.1")).toBe(true);
    expect(keeps({ dynos: ["web"], excludeDynos: ["web.2"] }, "app", "web.2")).toBe(false);
  });

  test("takes lines by their level: their own word, else their severity (here info)", () => {
    const at = (level: Level, message: string) => keeps({ level }, "app", "web.1", message);
    expect(at("warning", '{"level":"error","msg":"é"}\n')).toBe(true);
    expect(at("warning", "level=info a=1")).toBe(false);
    expect(at("warning", "plain")).toBe(false);
    expect(at("info", "plain")).toBe(true);
    expect(at("info", "level=debug a=1")).toBe(false);
    expect(keeps({ level: "err", match: "x.z" }, "app", "web.1", "Error: xyz")).toBe(true);
    expect(keeps({ level: "err", match: "x.z" }, "app", "web.1", "info: xyz")).toBe(false);
  });

  test("of levels says of a line what its reader is shown", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 40 }),
        fc.constantFrom("level=warn ", "[error] ", ""),
        (text, front) => {
          const message = `${front}${text.replace(/\p{Cc}/gu, " ")}`;
          for (const level of ["err", "warning", "info"] as const)
            expect(keeps({ level }, "app", "web.1", `${message}\n`)).toBe(
              isAsBad(levelOf(message, "info"), level),
            );
        },
      ),
    );
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
