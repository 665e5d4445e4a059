/** The rows of a message on a terminal: its text, its fields, or the request that a router line describes. */
import { isAsBad, type Level, opensWithLevel } from "../../src/core/message/level.ts";
import {
  type Field,
  fieldAt,
  fieldText,
  type MessageFields,
  readFields,
} from "../../src/core/message/message-fields.ts";
import { repeatsTime } from "../../src/core/message/own-time.ts";
import { platformCode, type RouterLine, readRouterLine } from "../../src/core/message/router-line.ts";
import { withoutSgr } from "../../src/core/terminal/sgr.ts";
import { oneLine, terminalText } from "../../src/core/terminal/terminal-text.ts";
import type { Highlighter } from "./highlight.ts";
import type { Hue, Paint } from "./paint.ts";
import { rowsIn, type ShownLine } from "./shown-line.ts";

export type MessageOptions = {
  readonly paint: Paint;
  /** True if the app's own colours are kept. */
  readonly colours: boolean;
  /** The fields to show; undefined: all of them. */
  readonly fields: readonly string[] | undefined;
  /** True if each field has a row of its own. */
  readonly pretty: boolean;
  readonly highlighter: Highlighter;
};

/** Fields that the head of a line already shows, besides its time. */
const headKeys: ReadonlySet<string> = new Set("level lvl severity loglevel levelname".split(" "));

/** A request that takes this long is slow, or too slow. */
const slowMs = 1_000;
const tooSlowMs = 5_000;

/** The rows of a line, without its head, not wrapped. They contain only text, tabs and colours. */
export function messageRows(line: ShownLine, options: MessageOptions): string[] {
  const { paint, highlighter } = options;
  const rows = summary(line, options) ?? textRows(line.message, options);
  return rows.map((row) => highlighter.marked(row, paint.found));
}

/** A shorter form of the line, if there is one and it leaves out nothing that was searched for. */
function summary(line: ShownLine, options: MessageOptions): string[] | undefined {
  const rows = summaryRows(line, options);
  if (rows === undefined) return undefined;
  const isHidden =
    options.highlighter.isIn(line.message) && !options.highlighter.isIn(withoutSgr(rows.join("\n")));
  return isHidden ? undefined : rows;
}

function summaryRows(line: ShownLine, options: MessageOptions): string[] | undefined {
  const { paint } = options;
  const isRouter = line.source === "heroku" && line.dyno === "router";
  const request = isRouter && options.fields === undefined ? readRouterLine(line.message) : undefined;
  if (request !== undefined) return [requestRow(request, paint)];
  if (line.source === "heroku" && platformCode(line.message) !== undefined)
    return textRows(line.message, options).map((row) => codeRow(row, paint));
  const read = readFields(line.message);
  return read && fieldRows(read, line, options);
}

const textRows = (message: string, { colours }: MessageOptions): string[] =>
  rowsIn(message).map((row) => terminalText(row, colours));

/** The width of the status, and of all usual methods, so that paths are aligned. */
const statusWidth = 3;
const methodWidth = 6;

function requestRow(request: RouterLine, paint: Paint): string {
  const { status, code, desc, method, path, serviceMs, dyno, bytes } = request;
  const parts = [
    status === undefined
      ? " ".repeat(statusWidth)
      : paint.hue(statusHue(status), status >= 500 ? paint.bold(String(status)) : String(status)),
    plain(method).padEnd(methodWidth),
    plain(path),
    serviceMs === undefined ? "" : paint.hue(slownessHue(serviceMs), durationText(serviceMs)),
    code === undefined ? "" : paint.hue("red", paint.bold(code)),
    paint.dim(
      [dyno, bytes === undefined ? undefined : sizeText(bytes), desc]
        .filter(Boolean)
        .map((part) => plain(part!))
        .join("  "),
    ),
  ];
  return parts.filter((part) => part !== "").join("  ");
}

function statusHue(status: number): Hue {
  if (status >= 500) return "red";
  if (status >= 400) return "yellow";
  return status >= 300 ? "cyan" : "green";
}

function slownessHue(ms: number): Hue | undefined {
  if (ms >= tooSlowMs) return "red";
  return ms >= slowMs ? "yellow" : undefined;
}

/** `18 ms`, `2,418 ms`. */
const durationText = (ms: number): string => `${ms.toLocaleString("en-US")} ms`;

/** `312 B`, `4.1 kB`, `2.3 MB`. */
function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function codeRow(row: string, paint: Paint): string {
  const found = platformCode(row);
  if (found === undefined) return row;
  const { code, at } = found;
  const hue: Hue = code.startsWith("L") ? "yellow" : "red";
  const end = at + code.length;
  return paint.hue(hue, row.slice(0, at) + paint.bold(code) + row.slice(end));
}

function fieldRows(read: MessageFields, { level, time }: ShownLine, options: MessageOptions): string[] {
  const { paint, pretty } = options;
  const fields = chosen(read, Date.parse(time), options);
  const [first = "", ...others] = read.message === undefined ? [] : textRows(read.message, options);
  const isSaid = opensWithLevel(withoutSgr(first), level);
  const opening = [isSaid ? "" : badge(level, paint), first].filter((part) => part !== "");
  if (pretty) return [opening.join(" "), ...others, ...fields.flatMap((field) => prettyRows(field, paint))];
  const pairs = fields.map(([key, value]) => `${paint.dim(`${plain(key)}=`)}${plain(fieldText(value))}`);
  if (others.length > 0) return [opening.join(" "), ...others, pairs.join(" ")];
  return [[...opening, ...pairs].join(" ")];
}

function chosen({ fields }: MessageFields, lineMs: number, options: MessageOptions): readonly Field[] {
  if (options.fields === undefined)
    return fields.filter(([key, value]) => !headKeys.has(key) && !repeatsTime(key, value, lineMs));
  return options.fields.flatMap((path) => {
    const value = fieldAt(fields, path);
    return value === undefined ? [] : [[path, value] as const];
  });
}

function badge(level: Level, paint: Paint): string {
  if (isAsBad(level, "err")) return paint.hue("red", paint.bold("ERROR"));
  return isAsBad(level, "warning") ? paint.hue("yellow", "WARN") : "";
}

function prettyRows([key, value]: Field, paint: Paint): string[] {
  const text = typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? "");
  const [first = "", ...others] = rowsIn(text).map(plain);
  return [`  ${paint.dim(`${plain(key)}:`)} ${first}`, ...others.map((row) => `    ${row}`)];
}

/** A part of a row, without any colour: one that it turned on would continue in the next part. */
const plain = (text: string): string => oneLine(terminalText(text, false));
