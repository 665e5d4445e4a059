import { expect, test } from "vitest";
import { type Line, lineOf } from "../../web/src/log/line.ts";
import { LineRing } from "../../web/src/log/line-ring.ts";
import { fromOldest, rowsOf, traceTexts } from "../../web/src/log/view-rows.ts";

const lineAt = (message: string, n: number): Line =>
  lineOf({
    position: `1.${n}`,
    line: n,
    time: "2026-01-01T00:00:00Z",
    source: "app",
    dyno: "web.1",
    severity: "info",
    message,
  });
/** The rows that are shown, each with the number of lines behind it. */
function rowsFor(messages: readonly string[]): [message: string, folded: number][] {
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e9 });
  ring.pushNewer(messages.map(lineAt));
  return rowsOf(ring, new Set(), () => true).map((row) =>
    row.kind === "line" ? [row.line.message, row.folded] : ["mark", 0],
  );
}
const frames = ['  File "/app/a.py", line 3, in run', "    send()", "    ^^^^^^"];
const opening = "Traceback (most recent call last):";

test("a trace of Python that comes a line at a time is its head and what went wrong", () => {
  const error = "AttributeError: 'NoneType' object has no attribute 'id'";
  expect(rowsFor(["GET / 200", opening, ...frames, error, "GET / 200"])).toEqual([
    ["GET / 200", 0],
    [opening, 3],
    [error, 0],
    ["GET / 200", 0],
  ]);
});

test("one that another caused is folded as a whole", () => {
  const during = "During handling of the above exception, another exception occurred:";
  const chain = [
    opening,
    ...frames,
    "KeyError: 'x'",
    "",
    during,
    "",
    opening,
    ...frames,
    "app.Failed: gave up",
  ];
  expect(rowsFor([...chain, "done"])).toEqual([
    [opening, chain.length - 2],
    ["app.Failed: gave up", 0],
    ["done", 0],
  ]);
});

test("traces of Node and Java are their head", () => {
  const node = ["TypeError: no", "    at a (/a.js:1:2)", "    at b (/a.js:3:4)"];
  const java = ["java.io.IOException: gone", "\tat com.example.A.b(A.java:1)", "\t... 12 more"];
  expect(rowsFor([...node, ...java, "done"])).toEqual([
    [node[0], 2],
    [java[0], 2],
    ["done", 0],
  ]);
});

test("a joined trace of Python is a head, no part of one", () => {
  const joined = [opening, ...frames, "KeyError: 'x'"].join("\n");
  expect(lineAt(joined, 1).isTrace).toBe(false);
  expect(rowsFor(["GET / 200", joined, "done"]).map(([, folded]) => folded)).toEqual([0, 0, 0]);
});

test("of a search each gap says how many lines are between, behind a folded trace, too", () => {
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e9 });
  const node = ["TypeError: no", "    at a (/a.js:1:2)", "    at b (/a.js:3:4)"];
  ring.pushNewer([...node.map((text, n) => lineAt(text, n)), lineAt("next", 3), lineAt("later", 10)]);
  const kinds = (tellsSkips: boolean) =>
    rowsOf(ring, new Set(), () => true, "utc", tellsSkips).map((row) =>
      row.kind === "skip" ? row.lines : row.kind,
    );
  expect(kinds(true)).toEqual(["line", "line", 6, "line"]);
  expect(kinds(false)).toEqual(["line", "line", "line"]);
});

test("the lines of a folded trace are told for its detail, and the oldest line that is kept has a mark before it", () => {
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e9 });
  const error = "ValueError: no";
  ring.pushNewer([opening, ...frames, error].map(lineAt));
  const [head] = rowsOf(ring, new Set(), () => true);
  if (head?.kind !== "line") throw new Error("no row");
  expect(traceTexts(ring, head.key, head.folded)).toEqual(frames);
  expect(traceTexts(ring, "gone", 3)).toEqual([]);
  expect(fromOldest([head], true).map(({ kind }) => kind)).toEqual(["oldest", "line"]);
  expect(fromOldest([], true)).toEqual([]);
});
