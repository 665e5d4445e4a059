/** The terminal: results to stdout with back-pressure, everything else to stderr. */
import { once } from "node:events";
import { CommanderError } from "commander";
import { oneLine, terminalText } from "../src/core/terminal/terminal-text.ts";
import { isReaderGone, watchReader } from "./closed-pipe.ts";
import type { Variables } from "./environment.ts";
import { codeOf } from "./errors.ts";

/** The width of a terminal that does not report it. */
const columnsDefault = 80;

type Stdout = NodeJS.WriteStream & { readonly fd: number };

/** The output of a command. A write resolves when the pipe has taken it, so that nothing piles up for a slow reader. */
export class Output {
  readonly #stdout: Stdout;
  readonly #stderr: NodeJS.WriteStream;
  readonly #variables: Variables;
  #hasProgress = false;
  /** Streams that cannot be written to any more. */
  readonly #broken = new Set<NodeJS.WriteStream>();
  /** Called when the reader of stdout has gone (`| head`), which is a clean end. */
  onClosedPipe = (): void => process.exit(0);
  /** Called when stdout cannot be written, for example because a disk is full. */
  onFailure = (): void => process.exit(1);

  constructor(stdout: Stdout, stderr: NodeJS.WriteStream, variables: Variables) {
    this.#stdout = stdout;
    stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#broken.has(stdout)) return;
      this.#broken.add(stdout);
      if (isReaderGone(error)) return this.onClosedPipe();
      this.note(`tailrace: Standard output cannot be written: ${writeFault(error)}.`);
      this.onFailure();
    });
    stderr.on("error", () => this.#broken.add(stderr)); // nobody is left to tell
    this.#stderr = stderr;
    this.#variables = variables;
  }

  /**
   * Writes a text whose lines are made already: of a log, or a value as it is. Waits while the reader of the pipe is
   * behind. A terminal gets no control characters but colours, and no colours if they are not wanted (`--no-color`).
   */
  async write(text: string, coloursWanted = true): Promise<void> {
    this.progress("");
    const shown = this.#stdout.isTTY === true ? terminalText(text, this.colours(coloursWanted)) : text;
    if (!this.#stdout.write(shown)) await once(this.#stdout, "drain");
  }

  /** Prints lines. Each stays one, whatever a server put into it. */
  async print(...lines: readonly string[]): Promise<void> {
    await this.write(textOf(lines));
  }

  /** Prints a value for programs. */
  async json(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Prints rows in columns; the last column is not padded. */
  async table(heads: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
    const all = [heads, ...rows].map((row) => row.map(oneLine));
    const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  "));
    await this.print(...lines.map((line) => line.trimEnd()));
  }

  /**
   * Passes on bytes unchanged, for a program whose output this one shows: what it sends to its terminal is its own
   * business. Resolves when more may come; undefined if it may at once.
   */
  pass(name: "stdout" | "stderr", bytes: Buffer): Promise<void> | undefined {
    const stream = name === "stdout" ? this.#stdout : this.#stderr;
    if (this.#broken.has(stream) || stream.write(bytes)) return undefined;
    return new Promise((resolve) => {
      const settle = () => {
        for (const event of ["drain", "error", "close"]) stream.off(event, settle);
        resolve();
      };
      for (const event of ["drain", "error", "close"]) stream.on(event, settle);
    });
  }

  /** Tells the user something that is not the result, in lines of which each stays one. */
  note(...lines: readonly string[]): void {
    this.writeError(textOf(lines));
  }

  /** Writes text to stderr: help, and what is wrong with the command line. */
  writeError(text: string): void {
    this.progress("");
    this.#stderr.write(this.#stderr.isTTY === true ? terminalText(text, false) : text);
  }

  /** Shows progress in one line of a terminal, which the next output removes; "" removes it now. */
  progress(text: string): void {
    if (this.#stderr.isTTY !== true || (text === "" && !this.#hasProgress)) return;
    const shown = terminalText(oneLine(text), false).slice(
      0,
      Math.max(0, (this.#stderr.columns || columnsDefault) - 1),
    );
    this.#stderr.write(`\r\u001b[K${shown}`);
    this.#hasProgress = text !== "";
  }

  /** Ends the command with status 0 when everything that was written has gone out. */
  finish(): Promise<never> {
    return new Promise(() => this.#stdout.write("", () => process.exit(0)));
  }

  /** Ends the command soon after the reader of stdout has gone, even while there is nothing to print. */
  endWithReader(): void {
    watchReader(this.#stdout.fd, () => this.onClosedPipe());
  }

  /** True if a person sees the output. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** The width of the terminal; undefined if there is none. */
  get columns(): number | undefined {
    return this.isTerminal
      ? this.#stdout.columns || Number(this.#variables.COLUMNS) || columnsDefault
      : undefined;
  }

  /** True if characters beyond ASCII can be shown, according to the environment. */
  get isUtf8(): boolean {
    const { LC_ALL, LC_CTYPE, LANG } = this.#variables;
    return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
  }

  /** Uses colours only on a terminal, unless NO_COLOR or `--no-color` is given; FORCE_COLOR turns them on. */
  colours(wanted = true): boolean {
    if (!wanted || this.#variables.NO_COLOR) return false;
    const forced = this.#variables.FORCE_COLOR;
    if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
    return this.#stdout.isTTY === true && this.#variables.TERM !== "dumb";
  }
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${oneLine(line)}\n`).join("");

/** The text for a failure, and the exit status: 1 failed, 2 wrong use. */
export function explain(error: unknown): { text: string; exitStatus: number } {
  if (error instanceof CommanderError) return { text: "", exitStatus: error.exitCode === 0 ? 0 : 2 };
  if (error instanceof Error && "mend" in error && typeof error.mend === "string") {
    const text = [`tailrace: ${error.message}`, error.mend]
      .filter((line) => line !== "")
      .map(oneLine)
      .join("\n");
    return { text, exitStatus: "exitStatus" in error && error.exitStatus === 2 ? 2 : 1 };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `tailrace: a bug of tailrace. Please tell its makers, with what you ran:\n${stack}`,
    exitStatus: 1,
  };
}

/** The same for programs: one line of JSON. */
export function explainAsJson(error: unknown): { text: string; exitStatus: number } {
  const { text, exitStatus } = explain(error);
  if (exitStatus === 0) return { text, exitStatus };
  const hasMend = error instanceof Error && "mend" in error;
  const isUse = error instanceof CommanderError;
  const message = isUse
    ? error.message.replace(/^error: /, "").replace("(outputHelp)", "No command is named.")
    : hasMend
      ? error.message
      : text;
  const mend = hasMend ? error.mend : isUse ? useMend : ""; // a missing command has none
  const code = hasMend && !isUse && "code" in error && error.code !== "" ? { code: error.code } : {};
  return { text: JSON.stringify({ error: { message, mend, ...code, exit_status: exitStatus } }), exitStatus };
}

export const useMend = "Add --help to see how the command is used.";

/** Explains why a file or a device cannot be written. */
function writeFault(error: unknown): string {
  const code = codeOf(error) ?? "";
  return writeFaults[code] ?? (code || String(error));
}

const writeFaults: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left there",
  EDQUOT: "the quota is used up",
  EFBIG: "the file is as large as it may be",
  EIO: "the device failed",
  EBADF: "it is closed",
};
