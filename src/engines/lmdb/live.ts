/**
 * The live side of the log. A follower is a line number: which line it wants next. Those that wait at the end of a
 * channel are handed each batch as it is stored, all the same object. For those that are busy it stays a while in one
 * window, shared by all followers of all channels and bounded in bytes; who comes later than that reads from disk
 * again. So a slow follower costs nothing, and thousands of idle ones a few hundred bytes each.
 */
import assert from "node:assert";
import type { StoredBatch } from "../../core/batch.ts";
import type { Followed } from "../../ports.ts";
import { turns } from "../../turns.ts";
import type { Lines } from "./lines.ts";

/** Batches in memory for followers that are busy; the oldest go first, whosever they are. */
const windowBytesMax = 32 * 1024 * 1024;
const batchOverheadBytes = 400;

type Entry = {
  readonly live: LiveChannel;
  readonly line: number;
  readonly bytes: number;
  next: Entry | undefined;
};

/** The window: which batches are in it, oldest first. */
export class LiveWindow {
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  #bytes = 0;

  add(live: LiveChannel, batch: StoredBatch): void {
    const bytes = batch.bytes.length + batchOverheadBytes;
    const entry: Entry = { live, line: batch.line, bytes, next: undefined };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
    this.#bytes += bytes;
    live.window.set(batch.line, batch);
    while (this.#bytes > windowBytesMax && this.#oldest !== undefined) {
      const { live: owner, line, bytes: freed, next } = this.#oldest;
      owner.window.delete(line);
      this.#bytes -= freed;
      this.#oldest = next;
      if (next === undefined) this.#newest = undefined;
    }
  }
}

/** A channel that somebody follows. */
export class LiveChannel {
  readonly lines: Lines;
  /** The channel's number on the disk; undefined until it has a line. */
  number: number | undefined;
  /** Behind the newest line that is known to be stored. */
  line: number;
  readonly window = new Map<number, StoredBatch>();
  readonly #shared: LiveWindow;
  readonly #followers = new Set<Follower>();
  #waiting = new Set<Follower>();
  readonly #unused: () => void;

  constructor(
    lines: Lines,
    shared: LiveWindow,
    number: number | undefined,
    line: number,
    unused: () => void,
  ) {
    this.lines = lines;
    this.#shared = shared;
    this.number = number;
    this.line = line;
    this.#unused = unused;
  }

  /** A batch was stored: those who wait get it now. */
  publish(number: number, batch: StoredBatch): void {
    this.number = number;
    this.line = Math.max(this.line, batch.line + batch.count);
    const waiting = this.#waiting;
    if (waiting.size < this.#followers.size) this.#shared.add(this, batch);
    this.#waiting = new Set();
    for (const follower of waiting) {
      if (!follower.hand(batch)) this.#waiting.add(follower);
    }
  }

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  wait(follower: Follower): void {
    this.#waiting.add(follower);
  }

  remove(follower: Follower): void {
    if (!this.#followers.delete(follower)) return;
    this.#waiting.delete(follower);
    if (this.#followers.size === 0) this.#leave();
  }

  /** Ends every follower. */
  end(): void {
    for (const follower of [...this.#followers]) follower.end();
    this.#leave();
  }

  #leave(): void {
    this.window.clear();
    this.#unused();
  }
}

/** Where a follower begins: at a line, and it may have to be told that this is not where it wanted to. */
export type Start = { readonly line: number; readonly foreign?: true };

type Result = IteratorResult<Followed, undefined>;
const over: Result = { done: true, value: undefined };

/** One reader of a channel. */
export class Follower implements AsyncIterableIterator<Followed, undefined> {
  readonly #live: LiveChannel;
  readonly #signal: AbortSignal;
  /** The line that it wants next. */
  #due: number;
  /** It is still to be told so. */
  #isForeign: boolean;
  /** Where the batch of line `due` lies on the disk, when the one before it was read there. */
  #bytesBefore: number | undefined;
  #resolve: ((result: Result) => void) | undefined;
  #ended = false;

  constructor(live: LiveChannel, { line, foreign }: Start, signal: AbortSignal) {
    this.#live = live;
    this.#due = line;
    this.#isForeign = foreign === true;
    this.#signal = signal;
    if (signal.aborted) this.#ended = true;
    else {
      live.add(this);
      signal.addEventListener("abort", this, { once: true });
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The signal was aborted. */
  handleEvent(): void {
    this.end();
  }

  next(): Promise<Result> {
    assert(this.#resolve === undefined, "a follower is asked for one batch at a time");
    if (this.#isForeign && !this.#ended) {
      this.#isForeign = false;
      return Promise.resolve({ done: false, value: "foreign" });
    }
    if (turns.isOver) return this.#nextTurn();
    const batch = this.#ended ? undefined : this.#read();
    if (batch !== undefined) return Promise.resolve({ done: false, value: batch });
    return new Promise((resolve) => {
      if (this.#ended) return resolve(over);
      this.#resolve = resolve;
      this.#live.wait(this);
    });
  }

  async return(): Promise<Result> {
    this.end();
    return over;
  }

  /** Gives a waiting follower a batch; false when it holds nothing that the follower still wants. */
  hand(batch: StoredBatch): boolean {
    if (batch.line + batch.count <= this.#due) return false;
    const resolve = this.#resolve!;
    this.#resolve = undefined;
    this.#take(batch);
    this.#bytesBefore = undefined;
    resolve({ done: false, value: batch });
    return true;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this);
    this.#live.remove(this);
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(over);
  }

  async #nextTurn(): Promise<Result> {
    await turns.next();
    return this.next();
  }

  /** The batch that is due, from the window or the disk; undefined at the end. */
  #read(): StoredBatch | undefined {
    const live = this.#live;
    if (this.#due >= live.line) return undefined;
    const handed = live.window.get(this.#due);
    if (handed !== undefined) {
      this.#bytesBefore = undefined;
      return this.#take(handed);
    }
    const number = live.number!;
    const place =
      (this.#bytesBefore === undefined ? undefined : live.lines.at(number, this.#due, this.#bytesBefore)) ??
      live.lines.holding(number, this.#due);
    if (place === undefined || place.batch.line >= live.line) {
      // Trimmed to the end, or what is left is not told yet: it will be handed over.
      this.#due = live.line;
      this.#bytesBefore = undefined;
      return undefined;
    }
    this.#bytesBefore = place.bytesAfter;
    return this.#take(place.batch);
  }

  #take(batch: StoredBatch): StoredBatch {
    this.#due = batch.line + batch.count;
    return batch;
  }
}
