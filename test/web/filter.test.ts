import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Finder, finders } from "../../src/core/filter/log-finders.ts";
import {
  type Filter,
  filterFromParams,
  filterToParams,
  histogramQuery,
  searchFields,
  sessionFields,
} from "../../web/src/log/filter.ts";
import { filterFromText, filterWords, hintOf } from "../../web/src/log/filter-text.ts";
import { textOfFilter } from "../../web/src/log/filter-writing.ts";
import { hashOf, routeOf, unreadIn } from "../../web/src/route.ts";

/** Saturday, 28 November 2026, 15:04:05 UTC. */
const now = Date.UTC(2026, 10, 28, 15, 4, 5);
const read = (text: string) => filterFromText(text, now, "utc");
const filterOf = (text: string): Filter => {
  const result = read(text);
  if (result.kind === "bad") throw new Error(`${result.message} ${result.mend}`);
  return result.filter;
};

const written = [
  ["", {}],
  ["timeout", { match: "timeout" }],
  ["connection refused -healthz -ping", { match: "connection refused", exclude: "healthz|ping" }],
  ['"connection refused" -"GET /ping"', { match: "connection refused", exclude: "GET /ping" }],
  ["dyno:web.*,worker.1 source:app", { dynos: ["web", "worker.1"], sources: ["app"] }],
  ["process:web", { dynos: ["web"] }],
  ["-dyno:web.2,scheduler.* oops", { excludeDynos: ["web.2", "scheduler"], match: "oops" }],
  ["exclude-dyno:web.2", { excludeDynos: ["web.2"] }],
  ["level:err since:10m", { level: "error", since: "10m" }],
  ["level:crit", { level: "crit" }],
  ["level:notice", { level: "notice" }],
  ["http://host:80/ 12:30 error: no", { match: "http://host:80/ 12:30 error: no" }],
  [
    'since:yesterday until:"yesterday 14:30"',
    { since: "2026-11-27T00:00:00Z", until: "2026-11-27T14:30:00Z" },
  ],
  ['since:"28 Nov 14:30:05.250"', { since: "2026-11-28T14:30:05.250Z" }],
  ["until:2026-11-28T14:30:00+01:00", { until: "2026-11-28T13:30:00Z" }],
  ["match:a.b match:c", { match: "(?:a.b)|(?:c)" }],
  ["exclude:(?i)a exclude:b", { exclude: "(?:(?i)a)|(?:b)" }],
  ["-match:x", { exclude: "x" }],
  ['match:"say ""user:1"" "', { match: 'say "user:1" ' }],
  ["oops context:2", { match: "oops", before: 2, after: 2 }],
  ["oops before:1 after:3", { match: "oops", before: 1, after: 3 }],
  ["oops context:2 after:0", { match: "oops", before: 2 }],
] as const;

test.each(written)("%j is %j", (text, filter) => {
  expect(read(text)).toEqual({ kind: "filter", filter });
});

test.each(written)("%j comes back as it was, from its text and from the address", (text) => {
  const filter = filterOf(text);
  expect(filterOf(textOfFilter(filter, "utc"))).toEqual(filter);
  expect(filterFromText(textOfFilter(filter), now)).toEqual({ kind: "filter", filter });
  expect(filterFromParams(filterToParams(filter), now)).toEqual(filter);
});

test("every filter that the address can hold is written so that it is read back", () => {
  const text = fc.string({ minLength: 1, maxLength: 12 }).filter((one) => one.trim() === one);
  const pattern = fc.oneof(
    text,
    fc.constantFrom("a|b", "-x", "since:1h", '"', 'a"b', "(a| b)", "x:y", "\\\\", "http://a"),
  );
  const filters = fc.record({ match: pattern, exclude: pattern }, { requiredKeys: [] });
  fc.assert(
    fc.property(filters, (filter) => {
      expect(filterOf(textOfFilter(filter, "utc"))).toEqual(filter);
    }),
    { examples: [[{ match: '"', exclude: '"' }], [{ match: 'a "b', exclude: 'c "d' }]], numRuns: 500 },
  );
});

test("a time is shown as its date, with as much of it as says something, in the zone of the page", () => {
  expect(textOfFilter(filterOf("since:yesterday until:14:30"), "utc")).toBe(
    "since:2026-11-27 until:2026-11-28T14:30",
  );
  expect(textOfFilter(filterOf("since:10m"), "utc")).toBe("since:10m");
});

describe("a text that says nothing is told why, and what to write:", () => {
  test.each([
    ["since:soon", "“soon” is no time for “since:”. Write a time as 10m, 14:30, yesterday"],
    ["until:2026-13-01", "is no time for “until:”."],
    ["since: 10m", '“since:” says nothing. Write since:"yesterday 14:30", without a blank'],
    ['since:"yesterday 14:30', "The quote behind “since:” has no end."],
    ["level:loud", "“loud” is no level. Write one of emerg, alert, crit"],
    ["x context:many", "“many” is no number of lines. Write context: with a whole number from 0 to 100"],
    ["x context:101", "“101” is no number of lines."],
    ["context:3", "nothing is looked for. Add a word"],
    ["sinse:10m", "There is no filter “sinse:”. There are source, dyno,"],
    ["user:42", 'To find that text, write "user:42".'],
    ["-user:42", "There is no filter “user:”."],
    ["-since:10m", "A minus before “since:” says nothing. It leaves out processes"],
  ])("%j", (text, expected) => {
    const bad = read(text);
    expect(bad.kind).toBe("bad");
    if (bad.kind === "bad") expect(`${bad.message} ${bad.mend}`).toContain(expected);
  });

  test("what it advises is taken", () => {
    expect(filterOf('"user:42"')).toEqual({ match: "user:42" });
    expect(filterOf('since:"yesterday 14:30"').since).toBe("2026-11-27T14:30:00Z");
  });
});

test("the page has a word for every option of the command line that chooses lines", () => {
  const values = { names: "web", level: "warn", time: "10m", pattern: "oops", lines: "2" } as const;
  for (const [name, finder] of Object.entries(finders) as [string, Finder][]) {
    const word = finder.word ?? name;
    expect(filterWords).toContain(`${word}:`);
    expect(finder.flags).toContain(`--${word === "before" || word === "after" ? `${word}-context` : word} `);
    expect(Object.keys(filterOf(`x ${word}:${values[finder.kind]}`)).length, word).toBeGreaterThan(0);
  }
});

test("the API is asked for what the filter says", () => {
  const filter = filterOf("a b dyno:web level:warn -dyno:web.2 -c since:1h until:10m before:1 after:2");
  const fields = { dyno: ["web"], exclude_dyno: ["web.2"], match: "a b", exclude: "c", level: "warn" };
  expect(sessionFields(filter)).toEqual(fields);
  expect(searchFields(filter)).toEqual({ ...fields, since: "1h", context_before: 1, context_after: 2 });
  expect(histogramQuery(filter, "6h", now).get("span")).toBe("1h");
});

test("an address with times as people write them is read as the filter is; others are the server's to refuse", () => {
  const params = new URLSearchParams("since=2026-11-28T14:30:00Z&until=soon&level=loud&context=2&match=a");
  expect(filterFromParams(params, now)).toEqual({
    since: "2026-11-28T14:30:00Z",
    until: "soon",
    level: "loud",
    before: 2,
    after: 2,
    match: "a",
  });
});

test.each([
  "#/apps",
  "#/node",
  "#/addons/papertrail-12345",
  "#/apps/todo/log",
  "#/apps/todo/drains",
  "#/apps/todo/log?dyno=web&match=50%25+%26+more&at=12.3.abcd.xy&panes=web.1%2Cworker.1&wrap=0&zone=utc",
  "#/apps/todo/log?match=oops&until=2026-01-02T03%3A04%3A00Z&context=2",
  "#/apps/todo/log?level=error&span=6h&from=2026-01-02T03%3A04%3A00.000Z&to=2026-01-02T03%3A05%3A00.000Z",
])("%s leads to the same again", (hash) => {
  expect(hashOf(routeOf(hash))).toBe(hash);
});

test.each(["", "#", "#/", "#/nowhere", "#/apps/", "#/apps/%E0%A4%A/log?panes=a,b,c,d,e,f"])(
  "%j is a page too",
  (hash) => {
    const route = routeOf(hash);
    expect(["apps", "app"]).toContain(route.page);
    if (route.page === "app") expect(route.view.panes).toHaveLength(4);
  },
);

test.each([
  ["/a|b/", /without them, as in a\|b/],
  ["timeout OR refused", /write a\|b for one of two/],
] as const)("who writes %j is told what it looks for, and what is perhaps meant", (text, hint) => {
  expect(hintOf(text)).toMatch(hint);
});

test.each(["/lists/7/items", "a|b", "timeout refused", "OR", "dyno:web /healthz/"])(
  "%j says what it seems to",
  (text) => expect(hintOf(text)).toBeUndefined(),
);

test.each([
  ["#/apps/shop/log?since=1h&level=warn&match=a&dyno=web&at=0.2&panes=web&span=1h", []],
  ["#/apps/shop/log?before=1&after=1&wrap=1&zone=local", []],
  ["#/apps/shop/log?context=3&wrap=0&zone=utc&from=2026-11-28&to=2026-11-29", []],
  ["#/apps/shop/log?from=zz&to=2026-11-29", ["from=zz", "to=2026-11-29"]],
  ["#/apps/shop/log?context=many&span=year&at=here&zone=mars", 4],
  ["#/apps/shop/log?sinse=1h", ["sinse=1h"]],
] as const)("a link %s says what cannot be read of it", (hash, unread) => {
  const found = unreadIn(hash);
  expect(typeof unread === "number" ? found.length : found).toEqual(unread);
});

test("a filter before the # of a link is not one, and it says so", () => {
  expect(unreadIn("#/apps/shop/log", "?since=zz")).toEqual(["since=zz"]);
});
