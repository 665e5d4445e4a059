/**
 * Reads lines of a channel ahead for its drain, and holds batches until they are sent. Bounded in bytes: at the bound
 * it stops pulling from the log, where the lines are safe.
 */
import { compactBatch, positionIn, type StoredBatch } from "../../core/batch/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { ChannelLog, Followed, From } from "../../ports.ts";
import type { LinePlace } from "./machine/ranges.ts";
import type { Holder, ReadAheadBudget } from "./read-ahead-budget.ts";

type ReadAheadOptions = {
  readonly log: ChannelLog;
  readonly channel: ChannelId;
  readonly from: From;
  /** One batch more may be held, because batches are whole. */
  readonly bytesMax: number;
  readonly budget: ReadAheadBudget;
  /** Everything up to this line is wanted at once, if it fits `bytesMax`: a parcel must be cut again as it was. */
  readonly throughLine: number;
  /** Called when there may be something new to find. */
  readonly onChange: () => void;
  /** Called when the budget is spent, and nothing has got on here for `ms`. */
  readonly onWanted: (ms: number) => void;
};

/** The result of looking for lines from a number on. */
type Found =
  | { readonly kind: "nothing yet" }
  | { readonly kind: "lines" }
  /** Retention took the line; `place` is that of the first line that is left. */
  | { readonly kind: "gap"; readonly place: LinePlace }
  /** The line is not in this log, whose oldest line is at `place`. */
  | { readonly kind: "replaced"; readonly place: LinePlace }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly cause: unknown };

const nothingYet: Found = { kind: "nothing yet" };
const lines: Found = { kind: "lines" };

/** Shared by all: an abort without a reason makes an error with a stack each time. */
const closed = new Error("the reading is over");

/** Follows a channel and holds what has not been sent yet. */
export class ReadAhead implements Holder {
  readonly #batches: StoredBatch[] = [];
  readonly #options: ReadAheadOptions;
  readonly #stopping = new AbortController();
  #bytesMax: number;
  #following: AsyncIterator<Followed> | undefined;
  readonly #over: Promise<void>;
  #letGo!: () => void;
  heldBytes = 0;
  sinceMs = 0;
  /** The lines before this one are done. */
  #line = 0;
  #end: Found | undefined;
  /** It holds as much as it may: the next batch is asked for when some of that is forgotten. */
  #isFull = false;
  #isTelling = false;
  /** The place that was asked for is not in this log: what is held begins with its oldest batch. */
  #isForeign = false;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax;
    this.#over = new Promise((resolve) => {
      this.#letGo = resolve;
    });
    this.#pull();
  }

  /** Batches that have not been sent yet, oldest first. */
  get batches(): readonly StoredBatch[] {
    return this.#batches;
  }

  /** Forgets the batches that lie wholly before `line`, and says what there is from it on. */
  seek(line: number): Found {
    if (!this.#isForeign) this.forget(line);
    const first = this.#batches[0];
    if (first === undefined || !this.#isReady()) return this.#end ?? nothingYet;
    if (first.line <= line && !this.#isForeign) return lines;
    const place = { position: positionIn(first, 0), line: first.line };
    return { kind: this.#isForeign ? "replaced" : "gap", place };
  }

  wanted(ms: number): void {
    this.#options.onWanted(ms);
  }

  /** Forgets the batches that lie wholly before line `line` of the channel. */
  forget(line: number): void {
    if (line > this.#line) {
      this.#line = line;
      this.sinceMs = this.#options.budget.nowMs();
    }
    let count = 0;
    for (const batch of this.#batches) {
      if (batch.line + batch.count > line) break;
      count++;
    }
    if (count === 0) return;
    this.#drop(count);
    if (this.#isFull) this.#goOn();
  }

  /** Raises the bound on what it may hold. */
  widen(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    if (this.#isFull) this.#goOn();
  }

  /** Ends reading and forgets everything at once; resolves when the log has been let go. Idempotent. */
  close(): Promise<void> {
    this.#end ??= { kind: "ended" };
    this.#stopping.abort(closed);
    this.#drop(this.#batches.length);
    if (this.#isFull) this.#goOn();
    return this.#over;
  }

  // Batches that came before reading failed or ended can still be sent.
  #isReady(): boolean {
    return (
      this.#end !== undefined || this.#isForeign || this.#isThrough() || this.heldBytes >= this.#bytesMax
    );
  }

  #isThrough(): boolean {
    const final = this.#batches.at(-1);
    return final !== undefined && final.line + final.count >= this.#options.throughLine;
  }

  #wantsMore(): boolean {
    if (this.#batches.length === 0) return true;
    return this.heldBytes < this.#bytesMax && !(this.#options.budget.isSpent && this.#isThrough());
  }

  // Two promises per batch; a loop over the iterator needs seven.
  #pull(): void {
    const { log, channel, from } = this.#options;
    try {
      this.#following ??= log.follow(channel, from, this.#stopping.signal)[Symbol.asyncIterator]();
      this.#following.next().then(this.#take, this.#fail);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  readonly #take = ({ done, value: batch }: IteratorResult<Followed>): void => {
    if (done) this.#finish({ kind: "ended" });
    else if (batch === "foreign") this.#isForeign = true;
    else if (this.#end !== undefined) batch.memory?.release();
    else {
      this.#hold(this.#options.budget.isSpent ? compactBatch(batch) : batch);
      this.#changed();
    }
    this.#goOn();
  };

  readonly #fail = (cause: unknown): void => this.#finish({ kind: "failed", cause });

  #finish(end: Found): void {
    this.#end ??= end;
    this.#letGo();
    this.#changed();
  }

  #goOn(): void {
    const isOver = this.#end !== undefined;
    this.#isFull = !isOver && !this.#wantsMore();
    if (this.#isFull) return;
    if (!isOver) this.#pull();
    else Promise.resolve(this.#following?.return?.()).then(this.#letGo, this.#letGo);
  }

  #changed(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#options.budget.pulse.wait(this.#onPulse);
  }

  readonly #onPulse = (): void => {
    this.#isTelling = false;
    this.#options.onChange();
  };

  #drop(count: number): void {
    const { budget } = this.#options;
    for (const batch of this.#batches.splice(0, count)) {
      this.heldBytes -= batch.bytes.length;
      budget.release(this, batch);
      batch.memory?.release();
    }
  }

  #hold(batch: StoredBatch): void {
    const { budget } = this.#options;
    if (this.heldBytes === 0) this.sinceMs = budget.nowMs();
    this.#batches.push(batch);
    this.heldBytes += batch.bytes.length;
    budget.hold(this, batch);
  }
}
