/** The steps of one delivery, each with its time, for an owner who asks where it fails. Only tests have them. */
import { performance } from "node:perf_hooks";

type StepName = "resolve" | "connect" | "tls" | "send" | "answer";

export type Step = {
  readonly name: StepName;
  readonly ms: number;
  /** The step's outcome, or why it failed. Never a secret. */
  readonly detail: string;
  readonly failed: boolean;
};

/** One step is under way at a time; the next one that begins ends it. */
export class Trace {
  readonly #steps: Step[] = [];
  #step: { readonly name: StepName; readonly startedAtMs: number; detail: string } | undefined;

  /** No effect if it is already under way. */
  begin(name: StepName): void {
    if (this.#step?.name === name) return;
    this.#end(false);
    this.#step = { name, startedAtMs: performance.now(), detail: "" };
  }

  /** The outcome of the step under way. */
  note(detail: string): void {
    if (this.#step !== undefined) this.#step.detail = detail;
  }

  /** Ends the step under way, which failed if there is a `failure`. Returns all steps, in order. */
  end(failure?: string): readonly Step[] {
    if (failure !== undefined) this.note(failure);
    this.#end(failure !== undefined);
    return this.#steps;
  }

  #end(failed: boolean): void {
    if (this.#step === undefined) return;
    const { name, startedAtMs, detail } = this.#step;
    this.#steps.push({ name, ms: Math.round(10 * (performance.now() - startedAtMs)) / 10, detail, failed });
    this.#step = undefined;
  }
}
