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

test.each([
  ["a line at a time", trace],
  ["joined", [trace.join("\n")]],
])("%s", (_, messages) => {
  const form = terminalForm({
    paint: paintOf(true),
    colours: true,
    columns: () => 80,
    noWrap: false,
    time: "none",
    names: "none",
    apps: ["shop"],
    fold: true,
    fields: undefined,
    pretty: false,
    positions: false,
    highlighter: new Highlighter([]),
    marks: marksOf(true),
    nowMs: () => 0,
  });
  const lines = messages.map((message, n) => ({
    app: "shop",
    position: `1.${n}`,
    line: JSON.stringify({ message, source: "app", dyno: "web.1", severity: "info" }),
  }));
  expect(form.push(lines) + form.end()).toBe(
    `${trace[0]}\n\u001b[2m[+2 lines of stack trace]\u001b[22m\nKeyError: 'x'\n`,
  );
});
