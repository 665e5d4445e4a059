/** The facts about a drain for a terminal: names and values in two columns, wrapped at the terminal's width. */
import { oneLine, terminalText } from "../src/core/terminal/terminal-text.ts";
import type { Drain } from "./api/api-types.ts";
import { factsOf, stateWords } from "./drain-words.ts";
import type { Output } from "./output.ts";
import { wrapped } from "./view/columns.ts";
import { type Hue, type Paint, paintOf } from "./view/paint.ts";

/** The least width of values. */
const valueColumnsMin = 20;
const gapColumns = 2;

/** Prints the facts; in a pipe each has one line, without colours. */
export async function printFacts(output: Output, drain: Drain, nowMs: number): Promise<void> {
  const facts = factsOf(drain, nowMs);
  const paint = paintOf(output.isTerminal && output.colours());
  const indent = Math.max(...facts.map(([name]) => name.length)) + gapColumns;
  const columns = Math.max(valueColumnsMin, (output.columns ?? Number.POSITIVE_INFINITY) - indent);
  const rows = facts.map(([name, value]) => {
    const shown = painted(name, terminalText(oneLine(value), false), drain, paint);
    const [first = "", ...others] = wrapped(output.isTerminal ? shown : oneLine(value), columns);
    return [
      paint.dim(name) + " ".repeat(indent - name.length) + first,
      ...others.map((row) => " ".repeat(indent) + row),
    ];
  });
  await output.print(...rows.flat().map((line) => line.trimEnd()));
}

const stateHues: Readonly<Record<string, Hue>> = {
  idle: "green",
  delivering: "green",
  retrying: "red",
  paused: "yellow",
};

function painted(name: string, value: string, drain: Drain, paint: Paint): string {
  const { state = "" } = drain;
  if (name === "state" && Object.hasOwn(stateHues, state))
    return paint.hue(stateWords(drain) === state ? stateHues[state] : "yellow", value);
  return name === "last error" && state === "retrying" ? paint.hue("red", value) : value;
}
