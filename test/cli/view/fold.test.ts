/** Traces of Python, folded on a terminal: their head, and what went wrong. */
import { expect, test } from "vitest";
import { marksOf } from "../../../cli/view/heads.ts";
import { Highlighter } from "../../../cli/view/highlight.ts";
import { terminalForm } from "../../../cli/view/log-form.ts";
import { paintOf } from "../../../cli/view/paint.ts";

const trace = [
  "Traceback (most recent call last):",
  '  File "/app/a.py", line 3, in run',
  "    send()",
  "KeyError: 'x'",
];

const formOf = (names: "process" | "none", colours = false) =>
  terminalForm({
    paint: paintOf(colours),
    colours,
    columns: () => 80,
    noWrap: false,
    time: "none",
    names,
    apps: ["shop"],
    fold: true,
    fields: undefined,
    pretty: false,
    positions: false,
    highlighter: new Highlighter([]),
    marks: marksOf(true),
    nowMs: () => 0,
  });
const linesOf = (lines: readonly (readonly [dyno: string, message: string])[]) =>
  lines.map(([dyno, message], n) => ({
    app: "shop",
    position: `1.${n}`,
    line: JSON.stringify({ message, source: "app", dyno, severity: "info" }),
  }));

test("frames whose head is not in sight say whose they are: at the beginning, behind a gap, behind another process", () => {
  const form = formOf("process");
  const [head, frame] = ["TypeError: x", "    at f (/a.js:1:2)"];
  const gap = { app: "shop", position: "1.9", line: "", isGap: true };
  const shown = form.push([
    ...linesOf([
      ["web.1", frame],
      ["web.1", frame],
    ]),
    gap,
    ...linesOf([["web.2", frame]]),
    gap,
    ...linesOf([
      ["web.1", head],
      ["web.1", frame],
      ["web.2", "done"],
      ["web.1", "done"],
      ["web.2", frame],
    ]),
  ]);
  expect(`${shown}${form.end()}`.split("\n")).toEqual([
    "web.1 │ [+2 lines of stack trace]",
    "--",
    "web.2 │ [+1 line of stack trace]",
    "--",
    "web.1 ┃ TypeError: x",
    "      │ [+1 line of stack trace]",
    "web.2 │ done",
    "web.1 │ done",
    "web.2 │ [+1 line of stack trace]",
    "",
  ]);
});

test.each([
  ["a line at a time", trace],
  ["joined", [trace.join("\n")]],
])("%s", (_, messages) => {
  const form = formOf("none", true);
  const lines = linesOf(messages.map((message) => ["web.1", message]));
  expect(form.push(lines) + form.end()).toBe(
    `${trace[0]}\n\u001b[2m[+2 lines of stack trace]\u001b[22m\nKeyError: 'x'\n`,
  );
});
