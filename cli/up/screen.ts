/**
 * The screen of `up`. On a terminal, lines are laid out as by `tailrace logs`; in a pipe, they are `app[web.1]: text`,
 * one per row. No text can control the terminal. Since layout takes time, it is done in slices of a turn; when an app's
 * lines come faster than anybody could read, some are left out and counted. Neither dynos nor the log wait for the
 * screen.
 */
import { type Level, levelOf } from "../../src/core/message/level.ts";
import { terminalText } from "../../src/core/terminal/terminal-text.ts";
import type { Output } from "../output.ts";
import { eyesForm } from "../view/form-options.ts";
import { paintOf } from "../view/paint.ts";
import { rowsIn, type ShownLine } from "../view/shown-line.ts";
import type { TerminalForm } from "../view/terminal-form.ts";
import { screenLimits } from "./limits.ts";

type Line = Omit<ShownLine, "app" | "position" | "level">;

export class UpScreen {
  readonly #app: string;
  readonly #output: Output;
  /** Absent if nobody is watching. */
  readonly #form: TerminalForm | undefined;
  #lines: Line[] = [];
  /** Lines that were left out before those that wait. */
  #leftOut = 0;
  #isDrawing = false;
  #atMs = Number.NaN;
  #time = "";
  #quiet: NodeJS.Timeout | undefined;

  constructor(app: string, output: Output) {
    this.#app = app;
    this.#output = output;
    this.#form = output.isTerminal ? eyesForm(output, [app], Date.now) : undefined;
  }

  /** Takes a line; `flush` shows it, at the latest at the end of this turn. */
  add(source: string, dyno: string, severity: Level, message: string): void {
    if (this.#lines.length === 0) setImmediate(() => void this.flush());
    this.#lines.push({ time: this.#now(), source, dyno, severity, message });
    if (this.#form !== undefined && this.#lines.length > screenLimits.linesMax) this.#leaveOut();
  }

  /**
   * Resolves when the pipe has taken what was added; undefined if more may come at once. A terminal makes nobody wait.
   */
  flush(): Promise<void> | undefined {
    if (this.#form !== undefined) {
      if (!this.#isDrawing) void this.#draw(this.#form);
      return undefined;
    }
    const lines = this.#lines;
    this.#lines = [];
    return this.#pass(lines.map(plainText).join(""));
  }

  /** Shows what waits. */
  close(): void {
    if (this.#form === undefined) return void this.flush();
    clearTimeout(this.#quiet);
    void this.#pass(this.#next(this.#form, Number.POSITIVE_INFINITY) + this.#form.end());
  }

  async #draw(form: TerminalForm): Promise<void> {
    this.#isDrawing = true;
    while (this.#lines.length > 0) {
      clearTimeout(this.#quiet);
      await this.#pass(this.#next(form, performance.now() + screenLimits.sliceMs));
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isDrawing = false;
    clearTimeout(this.#quiet);
    if (form.isOpen) this.#quiet = setTimeout(() => void this.#pass(form.end()), screenLimits.quietMs);
  }

  /** The text of waiting lines, as many as can be laid out until `endMs`. */
  #next(form: TerminalForm, endMs: number): string {
    let text = this.#leftOutRow(form);
    let at = 0;
    while (at < this.#lines.length && (at === 0 || performance.now() < endMs)) {
      const some = this.#lines.slice(at, at + screenLimits.linesAtOnce);
      text += form.push(some.map((line) => this.#shown(line)));
      at += some.length;
    }
    this.#lines = this.#lines.slice(at);
    return text;
  }

  /** The time in words, made once per millisecond. */
  #now(): string {
    const ms = Date.now();
    if (ms !== this.#atMs) [this.#atMs, this.#time] = [ms, new Date(ms).toISOString()];
    return this.#time;
  }

  #shown(line: Line): ShownLine {
    return { ...line, app: this.#app, position: "", level: levelOf(line.message, line.severity) };
  }

  /** The platform's lines are few, and are kept. */
  #leaveOut(): void {
    const platform = this.#lines.filter(({ source, dyno }) => source !== "app" || dyno === "api");
    const kept = platform.slice(-screenLimits.linesMax / 2);
    this.#leftOut += this.#lines.length - kept.length;
    this.#lines = kept;
  }

  #leftOutRow(form: TerminalForm): string {
    const count = this.#leftOut;
    if (count === 0) return "";
    this.#leftOut = 0;
    const row = `-- ${count} ${count === 1 ? "line is" : "lines are"} not shown here: the log has all --`;
    return `${form.end()}${paintOf(this.#output.colours()).dim(row)}\n`;
  }

  #pass(text: string): Promise<void> | undefined {
    if (text === "") return undefined;
    this.#output.progress("");
    return this.#output.pass("stdout", Buffer.from(terminalText(text, this.#output.colours())));
  }
}

const plainText = ({ source, dyno, message }: Line): string =>
  rowsIn(message)
    .map((row) => `${source}[${dyno}]: ${row}\n`)
    .join("");
