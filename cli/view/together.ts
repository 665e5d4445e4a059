/**
 * Keeps the lines of a stack trace together when lines of other processes come in between: these wait until the trace
 * is over. The lines of each process stay in order. At most `heldMax` lines wait.
 */
import { isInTrace, type TraceState, traceStep } from "../../src/core/message/stack-trace.ts";
import { processOf, type ShownLine } from "./shown-line.ts";

/** A line, and whether it belongs to the trace of the line before. */
export type Placed = { readonly line: ShownLine; readonly continues: boolean };

/** The most lines that wait for the end of another process's trace. */
export const heldMax = 500;
/** Processes whose state is known; beyond this, those that have been quiet longest start again. */
const processesMax = 1_000;

export class Together {
  readonly #states = new Map<string, TraceState>();
  #open: string | undefined;
  #held: ShownLine[] = [];

  /** True while lines wait, or more of a trace may come: `end` says that nothing more comes for now. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The lines that can be shown now, in order. */
  push(lines: readonly ShownLine[]): Placed[] {
    const out: Placed[] = [];
    for (const line of lines) this.#take(line, out);
    return out;
  }

  /** The waiting lines. If a trace continues later, it does so on its own. */
  end(): Placed[] {
    const out: Placed[] = [];
    while (this.#open !== undefined) this.#close(out);
    return out;
  }

  #take(line: ShownLine, out: Placed[]): void {
    const process = processOf(line);
    if (this.#open !== undefined && this.#open !== process) {
      this.#held.push(line);
      if (this.#held.length >= heldMax) this.#close(out);
      return;
    }
    const { state, continues } = traceStep(this.#states.get(process) ?? "none", line.message);
    if (this.#open !== undefined && !continues) this.#close(out);
    if (this.#open !== undefined && this.#open !== process) {
      this.#held.push(line);
      return;
    }
    this.#remember(process, state);
    out.push({ line, continues });
    this.#open = isInTrace(state) ? process : undefined;
  }

  // The lines that waited come now, and may start a trace of their own.
  #close(out: Placed[]): void {
    this.#open = undefined;
    const held = this.#held;
    this.#held = [];
    for (const line of held) this.#take(line, out);
  }

  #remember(process: string, state: TraceState): void {
    this.#states.delete(process);
    this.#states.set(process, state);
    if (this.#states.size > processesMax) this.#states.delete(this.#states.keys().next().value!);
  }
}
