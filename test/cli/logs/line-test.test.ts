import fc from "fast-check";
import { expect, test } from "vitest";
import { lineTest } from "../../../cli/logs/line-test.ts";
import { readShownLine } from "../../../cli/view/shown-line.ts";
import { compileFilter, preselect } from "../../../src/core/filter/line-filter.ts";
import { formatBatch } from "../../../src/core/format/format.ts";
import { levels } from "../../../src/core/message/level.ts";
import { matchTask, PatternWork } from "../../../src/core/patterns/pattern-work.ts";
import { origin } from "../../../src/core/position.ts";
import { canonised } from "../../support/canonised.ts";
import { octetCounted } from "../../support/frames.ts";

const some = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const name = fc.constantFrom("web", "web.1", "web.*", "*.1", "worker", "router", "w.b", "*");
const pattern = fc.constantFrom("a", "^a", "(?i)ERROR|b$", "x.y", "é");
const given = fc.record({
  source: some(fc.constantFrom("app", "heroku")),
  dyno: some(fc.array(name, { minLength: 1, maxLength: 2 })),
  exclude_dyno: some(fc.array(name, { minLength: 1, maxLength: 2 })),
  level: some(fc.constantFrom(...levels)),
  match: some(pattern),
  exclude: some(pattern),
});

test("keeps the lines that the server's filter keeps", () => {
  const line = fc.record({
    source: fc.constantFrom("app", "heroku", "db"),
    dyno: fc.constantFrom("web.1", "web", "webx.1", "worker.2", "router"),
    pri: fc.integer({ min: 0, max: 191 }),
    text: fc.constantFrom(
      "a",
      "level=warn a=b",
      '{"level":"error","x":"é"}',
      "[ERROR] x-y",
      "b",
      "TypeError: a",
    ),
  });
  fc.assert(
    fc.property(given, line, (filters, { source, dyno, pri, text }) => {
      const body = octetCounted(`<${pri}>1 2026-01-02T03:04:05Z h x ${dyno} - - ${text}\n`);
      const lines = canonised(body, source, { frameBytesMax: 10_000, nowMs: 0 });
      const compiled = compileFilter({
        ...(filters.source && { sources: [filters.source] }),
        ...(filters.dyno && { dynos: filters.dyno }),
        ...(filters.exclude_dyno && { excludeDynos: filters.exclude_dyno }),
        ...(filters.level && { level: filters.level }),
        ...(filters.match && { match: filters.match }),
        ...(filters.exclude && { exclude: filters.exclude }),
      });
      if (compiled.kind === "bad") throw new Error(compiled.reason);
      let isKept = true;
      if (compiled.filter !== undefined) {
        const { kept, work } = preselect(lines, compiled.filter);
        const outcome = work && new PatternWork(10).do(matchTask(work, 0, 1_000), () => false);
        isKept = outcome === undefined ? kept[0] === 1 : outcome.kind === "match" && outcome.holds[0] === 1;
      }
      const shape = { format: "json", transport: "plain" } as const;
      const json = formatBatch({ ...lines, at: origin }, shape).bytes.toString();
      const wanted = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
      expect(lineTest(wanted)(readShownLine("shop", json))).toBe(isKept);
    }),
    { numRuns: 500 },
  );
});
