/** The forms in which `logs` prints lines. */
import { oneLine } from "../../src/core/terminal/terminal-text.ts";
import type { SessionBody } from "../api/api-types.ts";
import { colourLine, colourName } from "../colour.ts";
import type { AppLine } from "../logs/interleave.ts";
import { fieldsOf, readShownLine, rowsIn, type ShownLine } from "./shown-line.ts";
import type { Template } from "./template.ts";
import { TerminalForm, type TerminalFormOptions } from "./terminal-form.ts";

type Format = SessionBody["format"];

/** Turns lines into text. Some lines may wait for what follows them: `end` releases these. */
export type LogForm = {
  /** The format in which lines are requested. */
  readonly format: Format;
  readonly push: (lines: readonly AppLine[]) => string;
  readonly isOpen: () => boolean;
  readonly end: () => string;
};

const atOnce = (format: Format, write: (line: AppLine) => string, gap = ""): LogForm => ({
  format,
  push: (lines) => lines.map((line) => (line.isGap ? gap : write(line))).join(""),
  isOpen: () => false,
  end: () => "",
});

/** For people: aligned, wrapped, in colours. */
export function terminalForm(options: TerminalFormOptions): LogForm {
  const form = new TerminalForm(options);
  return {
    format: "json",
    push: (lines) =>
      stretches(lines)
        .map((stretch) => shownStretch(form, stretch))
        .join(""),
    isOpen: () => form.isOpen,
    end: () => form.end(),
  };
}

/** A gap, or the lines between two gaps. */
type Stretch = "gap" | readonly AppLine[];

function stretches(lines: readonly AppLine[]): Stretch[] {
  const found: Stretch[] = [];
  let from = 0;
  lines.forEach((line, at) => {
    if (!line.isGap) return;
    found.push(lines.slice(from, at), "gap");
    from = at + 1;
  });
  return [...found, lines.slice(from)];
}

const shownStretch = (form: TerminalForm, stretch: Stretch): string =>
  stretch === "gap"
    ? form.gap()
    : form.push(stretch.map(({ app, line, position }) => ({ ...readShownLine(app, line), position })));

type PlainOptions = {
  /** Set if each line shows its app's name: the known apps. */
  readonly apps: readonly string[] | undefined;
  readonly colours: boolean;
  /** True if each line begins with its position. */
  readonly positions: boolean;
  /** True if the text of lines is also read locally: they are then requested as JSON. */
  readonly readsMessages: boolean;
  /** Marks matches, if there are colours. */
  readonly marked: (row: string) => string;
};

/**
 * For programs: one object per line, as it came, and after its fields its level (the one that it names, or else its
 * severity).
 */
export const jsonForm = ({ apps }: PlainOptions): LogForm =>
  atOnce("json", ({ app, line }) =>
    withLevel(apps === undefined ? line.replaceAll("\n", " ") : JSON.stringify({ app, ...fieldsOf(line) })),
  );

function withLevel(line: string): string {
  if (!line.endsWith("}") || line.length < 3) return `${line}\n`;
  return `${line.slice(0, -1)},"level":"${readShownLine("", line).level}"}\n`;
}

/** As Heroku prints lines, or as they are stored; with several apps, each line has its app's name. */
export function plainForm(format: "text" | "raw", options: PlainOptions): LogForm {
  const { apps, colours, positions, readsMessages, marked } = options;
  const text = colours && format === "text" ? colourLine : (line: string) => line;
  const isMade = format === "text" && readsMessages;
  // Patterns apply only to the text.
  const shown = (piece: string): string => {
    const at = piece.indexOf("]: ") + 3;
    return at === 2 ? text(piece) : text(piece.slice(0, at)) + marked(piece.slice(at));
  };
  let width = Math.max(0, ...(apps ?? []).map((app) => app.length));
  // A message of several lines is one event; each of its lines has its head.
  const write = ({ app, line: read, position }: AppLine) => {
    const line = isMade ? herokuText(readShownLine(app, read)) : read;
    width = Math.max(width, app.length);
    const name = `${colours ? colourName(app) : app}${" ".repeat(width - app.length + 1)}`;
    const prefix = `${positions ? `${position} ` : ""}${apps === undefined ? "" : oneLine(name)}`;
    const pieces = line.includes("\n") ? line.split("\n") : [line];
    return pieces.map((piece) => `${prefix}${shown(piece)}\n`).join("");
  };
  return atOnce(isMade ? "json" : format, write, gapRow);
}

const gapRow = "--\n";

/** A line as the server writes it in the form `text` (docs/spec/sessions.md#s6-1). */
const herokuText = ({ time, source, dyno, message }: ShownLine): string =>
  rowsIn(message)
    .map((row) => `${time} ${source}[${dyno}]: ${row}`)
    .join("\n");

/** Lines in the user's own layout. */
export function templateForm(template: Template, marked: PlainOptions["marked"]): LogForm {
  return atOnce("json", ({ app, line, position }) =>
    template({ ...readShownLine(app, line), position })
      .map((row) => `${marked(row)}\n`)
      .join(""),
  );
}

/** The time of a line in a format; NaN if it shows none. */
export function timeOf(format: Format): (line: string) => number {
  const form = { text: /^(\S+)/, json: /"time":"([^"]+)"/, raw: /^(?:[0-9]+ )?<[0-9]+>1 (\S+)/ }[format];
  return (line) => Date.parse(form.exec(line)?.[1] ?? "");
}
