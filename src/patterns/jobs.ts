/** The two kinds of work for the threads: finding the lines that match expressions, and redacting frames. */
import type { Form } from "../core/batch/batch.ts";
import { framesWithin } from "../core/batch/lines.ts";
import type { Kept } from "../core/filter/line-filter.ts";
import { matchTask, type Outcome, type Task, type TextWork } from "../core/patterns/pattern-work.ts";
import { blackout, noRedactions, type Redaction, type Redactions } from "../core/patterns/redaction.ts";
import type { Job } from "./pool.ts";

/** The size of one task; a longer line is a task of its own. */
const taskBytesMax = 64 * 1024;

/** Matches expressions against texts, and removes lines whose texts fail from `kept`. */
export class MatchJob implements Job {
  readonly owner: string;
  readonly kept: Kept;
  readonly #work: TextWork;
  #done = 0;
  #asked = 0;

  constructor(owner: string, work: TextWork, kept: Kept) {
    this.owner = owner;
    this.#work = work;
    this.kept = kept;
  }

  task(): Task {
    const task = matchTask(this.#work, this.#done, taskBytesMax);
    this.#asked = task.ends.length;
    return task;
  }

  take(outcome: Outcome): boolean {
    if (outcome.kind !== "match") return this.giveUp();
    const { lines } = this.#work;
    for (const holds of outcome.holds) {
      const line = lines[this.#done++]!;
      if (holds === 0) this.kept[line] = 0;
    }
    return this.#done >= lines.length;
  }

  // Lines that could not be decided are kept.
  giveUp(): boolean {
    this.#done += this.#asked;
    return this.#done >= this.#work.lines.length;
  }
}

/** Redacts frames. */
export class RedactJob implements Job {
  readonly owner: string;
  readonly counts: Redactions = noRedactions();
  readonly #redaction: Redaction;
  readonly #frames: Uint8Array;
  readonly #form: Form;
  readonly #out: Uint8Array[] = [];
  #isChanged = false;
  #done = 0;
  #asked = 0;

  constructor(owner: string, redaction: Redaction, frames: Uint8Array, form: Form) {
    this.owner = owner;
    this.#redaction = redaction;
    this.#frames = frames;
    this.#form = form;
  }

  /** The redacted frames; the same object if nothing was found. */
  get frames(): Uint8Array {
    return this.#isChanged ? Buffer.concat(this.#out) : this.#frames;
  }

  task(): Task {
    const frames = framesWithin(this.#frames.subarray(this.#done), taskBytesMax);
    this.#asked = frames.length;
    const bytes = new Uint8Array(frames); // a copy, because it is transferred to the thread
    return { kind: "redact", redaction: this.#redaction, bytes, form: this.#form };
  }

  take(outcome: Outcome): boolean {
    if (outcome.kind !== "redact") return this.giveUp();
    for (const what of Object.keys(this.counts) as (keyof Redactions)[])
      this.counts[what] += outcome.counts[what];
    return this.#pass(outcome.length, outcome.bytes);
  }

  // Frames that could not be decided may hold something that must be removed, so nothing of them is kept.
  giveUp(): boolean {
    this.counts.pattern++;
    const frames = this.#frames.subarray(this.#done, this.#done + this.#asked);
    return this.#pass(this.#asked, blackout(frames, this.#form));
  }

  #pass(length: number, bytes: Uint8Array | undefined): boolean {
    const end = this.#done + length;
    this.#out.push(bytes ?? this.#frames.subarray(this.#done, end));
    this.#isChanged ||= bytes !== undefined;
    this.#done = end;
    return end >= this.#frames.length;
  }
}
