/**
 * The screen of `up`: on a terminal as `tailrace logs` lays lines out, through a pipe `app[web.1]: text`, a row
 * each. Nobody's text can drive the terminal.
 */
import { type Level, levelOf } from "../../src/core/level.ts";
import { terminalText } from "../../src/core/terminal-text.ts";
import type { Output } from "../output.ts";
import { eyesForm } from "../view/form-options.ts";
import { rowsIn, type ShownLine } from "../view/shown-line.ts";
import type { TerminalForm } from "../view/terminal-form.ts";

/** Lines of a stack trace that wait for what follows them are shown when nothing came for so long. */
const quietMs = 150;

export class UpScreen {
  readonly #app: string;
  readonly #output: Output;
  /** Absent: nobody looks. */
  readonly #form: TerminalForm | undefined;
  #lines: ShownLine[] = [];
  #quiet: NodeJS.Timeout | undefined;

  constructor(app: string, output: Output) {
    this.#app = app;
    this.#output = output;
    this.#form = output.isTerminal ? eyesForm(output, [app], Date.now) : undefined;
  }

  /** Takes a line, which `flush` shows, at the end of this turn at the latest. */
  add(source: string, dyno: string, severity: Level, message: string): void {
    if (this.#lines.length === 0) setImmediate(() => void this.flush());
    const time = new Date().toISOString();
    const level = levelOf(message, severity);
    this.#lines.push({ app: this.#app, position: "", time, source, dyno, severity, level, message });
  }

  /** Resolves when the terminal or the pipe has taken what was added; undefined when more may come at once. */
  flush(): Promise<void> | undefined {
    if (this.#lines.length === 0) return undefined;
    const lines = this.#lines;
    this.#lines = [];
    clearTimeout(this.#quiet);
    if (this.#form === undefined) return this.#pass(lines.map(plainText).join(""));
    const text = this.#form.push(lines);
    if (this.#form.isOpen) this.#quiet = setTimeout(() => this.#passRest(), quietMs);
    return this.#pass(text);
  }

  /** Shows what waits. */
  close(): void {
    void this.flush();
    clearTimeout(this.#quiet);
    this.#passRest();
  }

  #passRest(): void {
    void this.#pass(this.#form?.end() ?? "");
  }

  #pass(text: string): Promise<void> | undefined {
    if (text === "") return undefined;
    this.#output.progress("");
    return this.#output.pass("stdout", Buffer.from(terminalText(text, this.#output.colours())));
  }
}

const plainText = ({ source, dyno, message }: ShownLine): string =>
  rowsIn(message)
    .map((row) => `${source}[${dyno}]: ${row}\n`)
    .join("");
