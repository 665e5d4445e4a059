/** What goes to the terminal: results to stdout with back-pressure, everything else to stderr. */
import { once } from "node:events";
import { CommanderError } from "commander";
import type { Variables } from "./environment.ts";

/** Where a command prints. Resolved writes have been taken by the pipe; nothing piles up behind a slow reader. */
export class Output {
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WriteStream;
  readonly #variables: Variables;
  /** What to do when whoever read stdout has gone (`| head`): that is a clean end. */
  onClosedPipe = (): void => process.exit(0);

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, variables: Variables) {
    this.#stdout = stdout;
    stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.onClosedPipe();
    });
    stderr.on("error", () => {}); // nobody is left to be told
    this.#stderr = stderr;
    this.#variables = variables;
  }

  /** Writes text as it is; waits while the reader of the pipe is behind. */
  async write(text: string): Promise<void> {
    if (!this.#stdout.write(text)) await once(this.#stdout, "drain");
  }

  /** Prints one line. */
  async print(line: string): Promise<void> {
    await this.write(`${line}\n`);
  }

  /** Prints a value for programs. */
  async json(value: unknown): Promise<void> {
    await this.print(JSON.stringify(value, undefined, 2));
  }

  /** Prints rows in columns, the last one as wide as it is. */
  async table(heads: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
    const all = [heads, ...rows];
    const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  "));
    await this.write(lines.map((line) => `${line.trimEnd()}\n`).join(""));
  }

  /** Tells the person something that is not the result. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Colours only for eyes: on a terminal, unless NO_COLOR or `--no-color` is given; FORCE_COLOR turns them on. */
  colours(wanted = true): boolean {
    if (!wanted || this.#variables.NO_COLOR) return false;
    const forced = this.#variables.FORCE_COLOR;
    if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
    return this.#stdout.isTTY === true && this.#variables.TERM !== "dumb";
  }
}

/** What to tell about a failure, and the exit status: 1 failed, 2 wrong use. */
export function explain(error: unknown): { text: string; exitStatus: number } {
  if (error instanceof CommanderError) return { text: "", exitStatus: error.exitCode === 0 ? 0 : 2 };
  if (error instanceof Error && "mend" in error && typeof error.mend === "string") {
    const text = [`tailrace: ${error.message}`, error.mend].filter((line) => line !== "").join("\n");
    return { text, exitStatus: "exitStatus" in error && error.exitStatus === 2 ? 2 : 1 };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `tailrace: a bug of tailrace. Please tell its makers, with what you ran:\n${stack}`,
    exitStatus: 1,
  };
}
