/** How far V8 lets the heap grow before it collects all of it, by what lives in it. */
import { setFlagsFromString } from "node:v8";

/** The percentage that a server is started with. */
const growingPercent = 200;
/** Each busy drain keeps some 25 kB alive with its app: so many of them a third of all that lives. */
export const manyDrains = 400;
const percentOfMany = 35;

/** V8's argument for a percentage. */
const growingArg = (percent: number): string => `--heap-growing-percent=${percent}`;

/**
 * Lets the heap grow by a third, not to three times its size, while many drains run: twice as much lives with a thousand as
 * with ten, so that each percent is twice as much memory. Leaves a percentage alone that somebody else chose.
 */
export class HeapGrowth {
  readonly #setFlags: (flags: string) => void;
  #drains = 0;

  constructor(
    args: readonly string[] = process.execArgv,
    setFlags: (flags: string) => void = setFlagsFromString,
  ) {
    this.#setFlags = args.includes(growingArg(growingPercent)) ? setFlags : () => {};
  }

  /** A drain runs now. */
  add(): void {
    if (++this.#drains === manyDrains) this.#setFlags(growingArg(percentOfMany));
  }

  /** One that was added runs no more. */
  remove(): void {
    if (this.#drains-- === manyDrains) this.#setFlags(growingArg(growingPercent));
  }
}
