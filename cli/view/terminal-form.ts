/**
 * The form of a log for people: heads in columns, text wrapped next to them, traces kept together. Pure except for the
 * time.
 */

import { traceEnd, traceRows } from "../../src/core/message/stack-trace.ts";
import { withoutSgr } from "../../src/core/terminal/sgr.ts";
import { cutTo, withoutTabs, wrapped } from "./columns.ts";
import { type HeadOptions, Heads, headColours } from "./heads.ts";
import { type MessageOptions, messageRows } from "./messages.ts";
import { processOf, type ShownLine } from "./shown-line.ts";
import { dayText } from "./times.ts";
import { type Placed, Together } from "./together.ts";

export type TerminalFormOptions = Omit<HeadOptions, "columns"> &
  MessageOptions & {
    /** The present width of the terminal; undefined if there is none, so that rows may have any length. */
    readonly columns: () => number | undefined;
    /** True if rows that do not fit are cut. */
    readonly noWrap: boolean;
    /** True if only the head of a trace is shown, and how much is left out. */
    readonly fold: boolean;
    /** True if each line has its position below it. */
    readonly positions: boolean;
    readonly nowMs: () => number;
  };

/** The least width of a message next to its head; if there is less, it goes below the head. */
const textColumnsMin = 20;
/** For columns in a pipe, as far as they matter. */
const pipeColumns = 120;

export class TerminalForm {
  readonly #options: TerminalFormOptions;
  readonly #together = new Together();
  readonly #colours = headColours();
  #columns: number | undefined;
  #heads: Heads;
  #day: string | undefined;
  #lastProcess: string | undefined;
  /** The lines of the current trace that were left out, and the last of them. */
  #folded: { readonly head: ShownLine; readonly isNext: boolean; rows: number; last: ShownLine } | undefined;

  constructor(options: TerminalFormOptions) {
    this.#options = options;
    this.#columns = options.columns();
    this.#heads = new Heads({ ...options, columns: this.#columns ?? pipeColumns }, this.#colours);
    this.#day = dayText(new Date(options.nowMs()).toISOString(), options.time);
  }

  /** True while `end` would show more. */
  get isOpen(): boolean {
    return this.#together.isOpen || this.#folded !== undefined;
  }

  /** The text of these lines, as far as what follows them is known. */
  push(lines: readonly ShownLine[]): string {
    this.#fit();
    this.#heads.see(lines);
    return this.#shown(this.#together.push(lines));
  }

  /** The rest, when nothing more comes, or nothing for now. */
  end(): string {
    return this.#shown(this.#together.end()) + this.#foldedRow();
  }

  /** A mark where lines are left out; it ends whatever was open. */
  gap(): string {
    const open = this.end();
    this.#lastProcess = undefined;
    return `${open}${this.#options.paint.dim("--")}\n`;
  }

  #fit(): void {
    const columns = this.#options.columns();
    if (columns === this.#columns) return;
    this.#columns = columns;
    this.#heads = new Heads({ ...this.#options, columns: columns ?? pipeColumns }, this.#colours);
  }

  #shown(placed: readonly Placed[]): string {
    let text = "";
    for (const { line, continues } of placed) {
      if (continues && this.#options.fold) text += this.#leaveOut(line);
      else text += this.#foldedRow() + this.#dayRow(line) + this.#line(line, continues);
      this.#lastProcess = processOf(line);
    }
    return text;
  }

  // Lines whose head is not directly above name their process.
  #leaveOut(line: ShownLine): string {
    const isNext = processOf(line) === this.#lastProcess;
    const above = isNext ? "" : this.#foldedRow() + this.#dayRow(line);
    this.#folded ??= { head: line, isNext, rows: 0, last: line };
    this.#folded.rows += line.message.split("\n").length;
    this.#folded.last = line;
    return above;
  }

  // Python writes what went wrong at the end.
  #foldedRow(): string {
    if (this.#folded === undefined) return "";
    const { head, isNext, rows, last } = this.#folded;
    this.#folded = undefined;
    const end = /^\S/.test(last.message) && rows > 1 ? messageRows(last, this.#options).slice(0, 1) : [];
    return this.#rows(head, [this.#options.paint.dim(leftOut(rows - end.length)), ...end], isNext);
  }

  #dayRow({ time }: ShownLine): string {
    const day = dayText(time, this.#options.time);
    if (day === undefined || day === this.#day) return "";
    this.#day = day;
    return `${this.#options.paint.dim(`-- ${day} --`)}\n`;
  }

  #line(line: ShownLine, continues: boolean): string {
    const { fold, positions, paint } = this.#options;
    const rows = messageRows(line, this.#options);
    const folded = fold ? traceRows(rows) : 0;
    const end = folded > 1 && traceEnd(rows.map(withoutSgr)) !== undefined ? rows.slice(-1) : [];
    const shown = folded > 0 ? [rows[0]!, paint.dim(leftOut(folded - end.length)), ...end] : rows;
    const isNext = continues && processOf(line) === this.#lastProcess;
    return this.#rows(line, positions ? [...shown, paint.dim(line.position)] : shown, isNext);
  }

  // Rows that continue the line above have no head of their own.
  #rows(line: ShownLine, rows: readonly string[], isNext: boolean): string {
    const { noWrap, marks, nowMs } = this.#options;
    const columns = this.#columns ?? Number.POSITIVE_INFINITY;
    const head = this.#heads.of(line, nowMs());
    const isBeside = columns - head.width >= textColumnsMin;
    const { first, other, width } = isBeside ? head : { first: head.bar, other: head.bar, width: 2 };
    const fitted = rows.flatMap((row) => {
      const text = withoutTabs(row);
      return noWrap ? [cutTo(text, columns - width, marks.cut)] : wrapped(text, columns - width);
    });
    const text = fitted.map((row, i) => `${i === 0 && !isNext ? first : other}${row}`.trimEnd()).join("\n");
    return isBeside || isNext ? `${text}\n` : `${cutTo(head.alone.trimEnd(), columns, marks.cut)}\n${text}\n`;
  }
}

const leftOut = (rows: number): string => `[+${rows} ${rows === 1 ? "line" : "lines"} of stack trace]`;
