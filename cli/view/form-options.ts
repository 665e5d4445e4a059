/** The options of `logs` for the form of its lines, and the form that they select. */
import { type Command, Option } from "commander";
import { collect } from "../context.ts";
import { wrongUse } from "../errors.ts";
import type { Output } from "../output.ts";
import { marksOf } from "./heads.ts";
import { Highlighter } from "./highlight.ts";
import { jsonForm, type LogForm, plainForm, templateForm, terminalForm } from "./log-form.ts";
import { paintOf } from "./paint.ts";
import { readTemplate, type Template, templateNames } from "./template.ts";
import { TerminalForm } from "./terminal-form.ts";
import { type TimeStyle, timeStyle, timeStyles } from "./times.ts";

export type FormOptions = {
  readonly json?: true;
  readonly raw?: true;
  readonly long?: true;
  readonly template?: Template;
  readonly time?: TimeStyle;
  readonly prefix?: boolean;
  readonly wrap: boolean;
  readonly fold?: true;
  readonly fields?: readonly string[];
  readonly pretty?: true;
  readonly highlight?: readonly string[];
  readonly match?: readonly string[];
  readonly positions?: true;
  readonly color: boolean;
};

/** Adds the options to a command. */
export function addFormOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--time <style>", `the time of lines: ${timeStyles.join(", ")}`).argParser(timeStyle),
    )
    .option("--prefix", "show the app's name, even for a single app")
    .option("--no-prefix", "without names of apps and processes")
    .option("--no-wrap", "cut long lines at the end of the row")
    .option("--fold", "show only the head of stack traces")
    .option("--fields <names>", "show only these fields of JSON and logfmt: status,user.id", fieldNames)
    .option("--pretty", "each field of JSON and logfmt on a row of its own")
    .option("--highlight <re>", "mark what matches (RE2) (may be repeated)", collect)
    .option("--template <text>", `lay lines out yourself: ${templateNames}`, readTemplate)
    .option("--long", "as in a pipe: Heroku's form, with full time and source")
    .option("--positions", "each line with its position, for --from")
    .option("--json", "one JSON object a line: position, time, source, dyno, severity, message, line, level")
    .option("--raw", "the lines as they are stored")
    .option("--no-color", "no colours on a terminal, neither ours nor the app's");
}

const fieldNames = (text: string): readonly string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** Forms that exclude each other. */
const whole = ["json", "raw", "template", "long"] as const;
/** Options that imply the form for people, even in a pipe. */
const forEyes = ["time", "prefix", "fold", "fields", "pretty"] as const;

type FormContext = {
  readonly output: Output;
  readonly apps: readonly string[];
  /** True if each line must name its app. */
  readonly areSeveral: boolean;
  /** True if the text of lines is also read locally. */
  readonly readsMessages: boolean;
  readonly nowMs: () => number;
};

/** The selected form. Throws wrong use for options that exclude each other. */
export function formOf(
  options: FormOptions,
  { output, apps, areSeveral, readsMessages, nowMs }: FormContext,
): LogForm {
  const [first, second] = whole.filter((name) => options[name] !== undefined);
  if (second !== undefined)
    throw wrongUse(`--${first} and --${second} exclude each other.`, "Give one of them.");
  const [styled] = forEyes.filter((name) => options[name] !== undefined);
  if (first !== undefined && styled !== undefined)
    throw wrongUse(`--${styled} has no meaning with --${first}.`, "Leave one of them out.");
  const isUnmarked = options.json || options.raw;
  if (options.highlight !== undefined && isUnmarked)
    throw wrongUse(`--highlight has no meaning with --${first}.`, "Leave one of them out.");
  const colours = output.colours(options.color);
  const paint = paintOf(colours);
  const highlighter = new Highlighter([
    ...(options.highlight ?? []),
    ...(colours && !isUnmarked ? (options.match ?? []) : []),
  ]);
  const plain = {
    apps: areSeveral ? apps : undefined,
    colours,
    positions: options.positions === true,
    readsMessages,
    marked: (row: string) => (colours && !isUnmarked ? highlighter.marked(row, paint.found) : row),
  };
  if (options.template !== undefined) return templateForm(options.template, plain.marked);
  if (options.json) return jsonForm(plain);
  if (options.raw) return plainForm("raw", plain);
  if (options.long || (styled === undefined && !output.isTerminal)) return plainForm("text", plain);
  const isNamed = options.prefix !== false;
  return terminalForm({
    paint,
    colours,
    columns: () => output.columns,
    noWrap: !options.wrap,
    time: options.time ?? "local",
    names: !isNamed ? "none" : areSeveral || options.prefix ? "app and process" : "process",
    apps,
    fold: options.fold === true,
    fields: options.fields,
    pretty: options.pretty === true,
    positions: plain.positions,
    highlighter,
    marks: marksOf(output.isUtf8),
    nowMs,
  });
}

/** The default form for people, for a log of these apps. */
export function eyesForm(output: Output, apps: readonly string[], nowMs: () => number): TerminalForm {
  const colours = output.colours();
  return new TerminalForm({
    paint: paintOf(colours),
    colours,
    columns: () => output.columns,
    noWrap: false,
    time: "local",
    names: apps.length > 1 ? "app and process" : "process",
    apps,
    fold: false,
    fields: undefined,
    pretty: false,
    positions: false,
    highlighter: new Highlighter([]),
    marks: marksOf(output.isUtf8),
    nowMs,
  });
}
