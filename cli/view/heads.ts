/** The head of a line on a terminal: time, app, process and a bar, in columns of bounded width. */
import { isAsBad, type Level } from "../../src/core/message/level.ts";
import { processText } from "../../src/core/terminal/process-text.ts";
import { oneLine, terminalText } from "../../src/core/terminal/terminal-text.ts";
import { padTo, shortened, widthOf } from "./columns.ts";
import { NameColours } from "./name-colours.ts";
import type { Paint } from "./paint.ts";
import type { ShownLine } from "./shown-line.ts";
import { type TimeStyle, timeText } from "./times.ts";

export type HeadOptions = {
  readonly paint: Paint;
  readonly columns: number;
  readonly time: TimeStyle;
  /** The names to show. */
  readonly names: "app and process" | "process" | "none";
  /** Apps whose lines may come. */
  readonly apps: readonly string[];
  readonly marks: Marks;
};

/** Characters that have a substitute on terminals without UTF-8. */
type Marks = { readonly bar: string; readonly heavyBar: string; readonly cut: string };
export const marksOf = (isUtf8: boolean): Marks =>
  isUtf8 ? { bar: "│", heavyBar: "┃", cut: "…" } : { bar: "|", heavyBar: "|", cut: "~" };

/** The text in front of the rows of a line. */
type Head = {
  /** In front of the first row and of all others: equally wide, with the same bar. */
  readonly first: string;
  readonly other: string;
  readonly width: number;
  /** For a row of its own, with the bar in front of the rows below it. */
  readonly alone: string;
  readonly bar: string;
};

/** Terminals this wide have room for milliseconds and for longer names. */
const wideColumns = 110;
/** The most columns of a name. */
const nameMax = { narrow: 12, wide: 24 };
/**
 * The most columns of an app's name on a narrow terminal: the process matters more, and the end of the app's name is
 * enough.
 */
const narrowAppMax = 10;
/** The width of `*router`: histories of several apps come a few lines at a time. */
const usualWidth = 7;
/** The largest share of a terminal that names may take. */
const namesShareMax = 0.35;

/** Kept when the terminal's width changes. */
type HeadColours = { readonly apps: NameColours; readonly processes: NameColours };
export const headColours = (): HeadColours => ({ apps: new NameColours(), processes: new NameColours() });

/** Makes heads; the columns of names grow as names come, within their bounds. */
export class Heads {
  readonly #options: HeadOptions;
  readonly #colours: HeadColours;
  readonly #nameMax: number;
  readonly #appMax: number;
  readonly #isWide: boolean;
  #appWidth = 0;
  #processWidth = 0;

  constructor(options: HeadOptions, colours: HeadColours) {
    this.#options = options;
    this.#colours = colours;
    const { columns, names } = options;
    this.#isWide = columns >= wideColumns;
    const share = Math.floor((columns * namesShareMax) / (names === "app and process" ? 2 : 1));
    this.#nameMax = Math.max(4, Math.min(share, this.#isWide ? nameMax.wide : nameMax.narrow));
    this.#appMax = this.#isWide ? this.#nameMax : Math.min(this.#nameMax, narrowAppMax);
    this.#appWidth = Math.min(this.#appMax, Math.max(0, ...options.apps.map(widthOf)));
    this.#processWidth = options.apps.length > 1 ? this.#bounded(usualWidth) : 0;
  }

  /** Learns the names of lines that are shown next, so that they share one column. */
  see(lines: readonly ShownLine[]): void {
    this.#colours.apps.see(lines.map(({ app }) => app));
    this.#colours.processes.see(lines.map(ownerOf));
    for (const line of lines) {
      this.#appWidth = Math.max(this.#appWidth, Math.min(this.#appMax, widthOf(line.app)));
      this.#processWidth = Math.max(this.#processWidth, this.#bounded(widthOf(shown(processText(line)))));
    }
  }

  /** The head of a line. */
  of(line: ShownLine, nowMs: number): Head {
    const { paint, time, names, marks } = this.#options;
    const cells: string[] = [];
    const at = shown(timeText(line.time, time, this.#isWide && time !== "relative", nowMs));
    if (at !== "") cells.push(paint.dim(at));
    if (names === "app and process")
      cells.push(this.#name(line.app, this.#appWidth, this.#colours.apps, line.app));
    if (names !== "none")
      cells.push(this.#name(processText(line), this.#processWidth, this.#colours.processes, ownerOf(line)));
    const front = cells.map((cell) => `${cell} `).join("");
    const width = widthOf(front);
    const bar = `${barOf(line.level, marks, paint)} `;
    if (cells.length === 0) return { first: "", other: "", width: 0, alone: "", bar };
    return {
      first: front + bar,
      other: " ".repeat(width) + bar,
      width: width + widthOf(bar),
      alone: front,
      bar,
    };
  }

  #bounded(width: number): number {
    return Math.min(this.#nameMax, width);
  }

  #name(name: string, width: number, colours: NameColours, owner: string): string {
    const { paint, marks } = this.#options;
    return padTo(colours.painted(owner, shortened(shown(name), width, marks.cut), paint), width);
  }
}

/** The process whose colour a line has, even if the platform reports about it. */
const ownerOf = ({ source, dyno }: ShownLine): string =>
  source === "app" || source === "heroku" ? dyno : `${source}/${dyno}`;

const shown = (text: string): string => terminalText(oneLine(text), false).replaceAll("\t", " ");

function barOf(level: Level, marks: Marks, paint: Paint): string {
  if (isAsBad(level, "err")) return paint.hue("red", paint.bold(marks.heavyBar));
  if (isAsBad(level, "warning")) return paint.hue("yellow", marks.heavyBar);
  return paint.dim(marks.bar);
}
