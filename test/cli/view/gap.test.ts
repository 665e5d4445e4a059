/** Where lines are left out between those that were looked for: the same on a terminal as through a pipe. */
import { expect, test } from "vitest";
import { gapAt } from "../../../cli/logs/neighbours.ts";
import { marksOf } from "../../../cli/view/heads.ts";
import { Highlighter } from "../../../cli/view/highlight.ts";
import { terminalForm } from "../../../cli/view/log-form.ts";
import { paintOf } from "../../../cli/view/paint.ts";

const formOn = (colours: boolean, fold = false) =>
  terminalForm({
    paint: paintOf(colours),
    colours,
    columns: () => 80,
    noWrap: false,
    time: "none",
    names: "process",
    apps: ["shop"],
    fold,
    fields: undefined,
    pretty: false,
    positions: false,
    highlighter: new Highlighter([]),
    marks: marksOf(true),
    nowMs: () => 0,
  });
const line = (message: string, position: string) => ({
  app: "shop",
  position,
  line: JSON.stringify({ message, source: "app", dyno: "web.1", severity: "info" }),
});
const gap = { app: "shop", ...gapAt("1.3") };

test("a gap is a dim --, without a head, wherever it comes", () => {
  const form = formOn(false);
  const shown =
    form.push([line("a", "1.1"), gap, line("b", "1.5"), gap]) + form.push([gap, line("c", "1.9")]);
  expect(shown + form.end()).toBe("web.1 │ a\n--\nweb.1 │ b\n--\n--\nweb.1 │ c\n");
  expect(formOn(true).push([gap])).toBe("\u001b[2m--\u001b[22m\n");
});

test("a trace that is open or folded is over where lines are left out", () => {
  const trace = [line("Error: no", "1.1"), line("    at a (b.js:1:1)", "1.2")];
  const form = formOn(false, true);
  const shown = form.push([...trace, gap, line("    at c (d.js:1:1)", "1.5")]) + form.end();
  expect(shown).toMatch(/^web\.1 ┃ Error: no\n {6}│ \[\+1 line of stack trace\]\n--\n/);
});
