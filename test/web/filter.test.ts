import { expect, test } from "vitest";
import {
  filterFromParams,
  filterFromText,
  filterToParams,
  sessionFields,
  textOfFilter,
} from "../../web/src/log/filter.ts";
import { hashOf, routeOf } from "../../web/src/route.ts";

const written = [
  ["", {}],
  ["timeout", { match: "timeout" }],
  ["connection refused -healthz -ping", { match: "connection refused", exclude: "healthz|ping" }],
  ["dyno:web.*,worker.1 source:app", { dynos: ["web", "worker.1"], sources: ["app"] }],
  ["-dyno:web.2,scheduler.* oops", { excludeDynos: ["web.2", "scheduler"], match: "oops" }],
  ["level:err since:10m", { level: "error", since: "10m" }],
  ["level:loud http://host:80/", { match: "http://host:80/" }],
] as const;

test.each(written)("%j is %j", (text, filter) => {
  expect(filterFromText(text)).toEqual(filter);
});

test.each(written)("%j comes back as it was, from its text and from the address", (text) => {
  const filter = filterFromText(text);
  expect(filterFromText(textOfFilter(filter))).toEqual(filter);
  expect(filterFromParams(filterToParams(filter))).toEqual(filter);
});

test("the API is asked for what the filter says", () => {
  expect(sessionFields(filterFromText("a b dyno:web level:warn -dyno:web.2 -c"))).toEqual({
    dyno: ["web"],
    exclude_dyno: ["web.2"],
    match: "a b",
    exclude: "c",
    level: "warn",
  });
});

test.each([
  "#/apps",
  "#/node",
  "#/apps/todo/log",
  "#/apps/todo/drains",
  "#/apps/todo/log?dyno=web&match=50%25+%26+more&at=12.3.abcd.xy&panes=web.1%2Cworker.1&wrap=0&zone=utc",
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
