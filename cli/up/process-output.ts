/** The output of one process on its way to its lines, piece by piece in the turns of all outputs. */
import type { OutputName } from "../local/child-group.ts";
import { outputLimits } from "./limits.ts";
import type { OutputTurns } from "./output-turns.ts";

type Lines = { push(chunk: Uint8Array): void; end(): void };

type Options = {
  readonly turns: OutputTurns;
  readonly lines: { readonly [Name in OutputName]: Lines };
  /** Called after each piece: the next one, and the process, wait for the promise. */
  readonly hold: () => Promise<void> | undefined;
};

export class ProcessOutput {
  readonly #options: Options;
  /** Output that is not made into lines yet, oldest first. */
  readonly #chunks: { readonly stream: OutputName; readonly bytes: Buffer }[] = [];
  #isInLine = false;
  #isHeld = false;
  #isEnding = false;
  /** Called when nothing is left. */
  #whenDone: (() => void)[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  /** Takes output; the process waits while a promise is pending. */
  readonly take = (stream: OutputName, bytes: Buffer): Promise<void> | undefined => {
    this.#chunks.push({ stream, bytes });
    return this.#goOn();
  };

  /** No more output will come. Nothing holds what is left; the promise resolves when all of it is lines. */
  readonly end = (): Promise<void> | undefined => {
    this.#isEnding = true;
    this.#isHeld = false;
    return this.#goOn();
  };

  /** Undefined if nothing is left to do. */
  #goOn(): Promise<void> | undefined {
    if (!this.#isInLine && !this.#isHeld) {
      this.#isInLine = true;
      this.#options.turns.add(this.#piece);
    }
    if (!this.#isInLine && !this.#isHeld) return undefined;
    return new Promise((resolve) => this.#whenDone.push(resolve));
  }

  /** Makes lines of the next piece; true if there is more. */
  readonly #piece = (): boolean => {
    const { lines, hold } = this.#options;
    const first = this.#chunks.shift();
    if (first !== undefined) {
      const { stream, bytes } = first;
      lines[stream].push(bytes.subarray(0, outputLimits.pieceBytes));
      const rest = bytes.subarray(outputLimits.pieceBytes);
      if (rest.length > 0) this.#chunks.unshift({ stream, bytes: rest });
    }
    const isDone = this.#chunks.length === 0;
    if (isDone && this.#isEnding) for (const one of Object.values(lines)) one.end();
    const holding = hold();
    if (holding !== undefined && !this.#isEnding) {
      this.#isInLine = false;
      this.#isHeld = true;
      void holding.then(() => this.#held());
      return false;
    }
    if (isDone) this.#settle();
    return !isDone;
  };

  #held(): void {
    if (!this.#isHeld) return; // it is ending
    this.#isHeld = false;
    if (this.#chunks.length > 0) void this.#goOn();
    else this.#settle();
  }

  #settle(): void {
    this.#isInLine = false;
    for (const resolve of this.#whenDone.splice(0)) resolve();
  }
}
