/**
 * The live side of the log. A follower is a line number: the next line that it wants. Followers that wait at the end
 * of a channel are handed each batch when it is stored, all of them the same object. For followers that are busy, the
 * batch stays in one window for a while, until they have taken it; the window is shared by all followers of all
 * channels and bounded in bytes. Whoever comes later reads the segments. So a slow follower costs nothing, and
 * thousands of idle ones a few hundred bytes each.
 */
import assert from "node:assert";
import type { StoredBatch } from "../../core/batch/batch.ts";
import type { Followed } from "../../ports.ts";
import { oneByOne } from "../../turns.ts";
import type { Channel } from "./channel.ts";
import type { LiveWindow, WindowedBatches } from "./live-window.ts";
import type { Reader } from "./reader.ts";
import type { Start } from "./start.ts";

/**
 * With more followers than this, nobody checks which of them still want a batch, and it stays until it is the oldest.
 */
const askedMax = 8;

/** A channel with followers. */
export class LiveChannel {
  readonly reader: Reader;
  /** Undefined until the channel has a line. */
  channel: Channel | undefined;
  /** The line after the newest one that is known to be stored. */
  line: number;
  readonly #window: WindowedBatches = new Map();
  readonly #shared: LiveWindow;
  readonly #followers = new Set<Follower>();
  readonly #unused: () => void;

  constructor(reader: Reader, shared: LiveWindow, channel: Channel | undefined, unused: () => void) {
    this.reader = reader;
    this.#shared = shared;
    this.channel = channel;
    this.line = channel?.line ?? 0;
    this.#unused = unused;
  }

  /** A batch was stored: a waiting follower gets it now, and several one by one. */
  publish(channel: Channel, batch: StoredBatch): void {
    this.channel = channel;
    this.line = Math.max(this.line, batch.line + batch.count);
    const turn = oneByOne(channel.id);
    let busy = 0;
    for (const follower of this.#followers) {
      if (follower.isWaiting) follower.hand(batch, turn);
      else busy++;
    }
    if (busy > 0) this.#shared.add(this.#window, batch);
  }

  /** The batch in the window that begins at `line`, for a follower that is handed it now. */
  take(line: number): StoredBatch | undefined {
    return this.#window.get(line)?.batch;
  }

  /**
   * A follower has taken the batch. It leaves the window when none of the other followers still wants it, if they are
   * few enough to check.
   */
  taken({ line, count }: StoredBatch): void {
    if (!this.#window.has(line) || this.#followers.size > askedMax) return;
    for (const { due } of this.#followers) if (due < line + count) return;
    this.#shared.remove(this.#window, line);
  }

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  remove(follower: Follower): void {
    if (!this.#followers.delete(follower)) return;
    if (this.#followers.size === 0) this.#leave();
  }

  /** Ends every follower. */
  end(): void {
    for (const follower of [...this.#followers]) follower.end();
    this.#leave();
  }

  #leave(): void {
    for (const line of [...this.#window.keys()]) this.#shared.remove(this.#window, line);
    this.#unused();
  }
}

type Result = IteratorResult<Followed, undefined>;
const over: Result = { done: true, value: undefined };
const nothing: readonly StoredBatch[] = [];

/** One reader of a channel, from line `due` on. It holds at most one read of the segments. */
export class Follower implements AsyncIterableIterator<Followed, undefined> {
  readonly #live: LiveChannel;
  readonly #signal: AbortSignal;
  readonly #until: "present" | undefined;
  #due: number;
  /** Finds out where to start; undefined once that is known. */
  #start: (() => Promise<Start>) | undefined;
  /** True until the reader was told that it asked for a place of another log. */
  #isForeign: boolean;
  /** Batches that were read and not taken yet. */
  #ahead: readonly StoredBatch[] = nothing;
  #taken = 0;
  #resolve: ((result: Result | Promise<Result>) => void) | undefined;
  #isPulling = false;
  #ended = false;

  constructor(
    live: LiveChannel,
    start: Start | (() => Promise<Start>),
    signal: AbortSignal,
    until?: "present",
  ) {
    this.#live = live;
    this.#until = until;
    this.#start = typeof start === "function" ? start : undefined;
    this.#due = typeof start === "function" ? 0 : start.line;
    this.#isForeign = typeof start !== "function" && start.foreign === true;
    this.#signal = signal;
    if (signal.aborted) this.#ended = true;
    else {
      live.add(this);
      signal.addEventListener("abort", this, { once: true });
    }
  }

  /** The next line that it wants. */
  get due(): number {
    return this.#due;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Called when the signal is aborted. */
  handleEvent(): void {
    this.end();
  }

  next(): Promise<Result> {
    assert(!this.#isPulling, "a follower is asked for one batch at a time");
    if (this.#ended) return Promise.resolve(over);
    if (this.#start !== undefined) return this.#begin(this.#start);
    if (this.#isForeign) {
      this.#isForeign = false;
      return Promise.resolve({ done: false, value: "foreign" });
    }
    const batch = this.#ahead[this.#taken] ?? this.#live.take(this.#due);
    if (batch !== undefined) return Promise.resolve({ done: false, value: this.#take(batch) });
    if (this.#due >= this.#live.line && this.#until === "present") return this.return();
    this.#isPulling = true;
    return this.#due < this.#live.line ? this.#read() : this.#wait();
  }

  async return(): Promise<Result> {
    this.end();
    return over;
  }

  /** True while it waits at the end of the channel. */
  get isWaiting(): boolean {
    return this.#resolve !== undefined;
  }

  /** Offers a batch to a waiting follower, which takes it if it wants one of its lines, and continues in its turn. */
  hand(batch: StoredBatch, turn: () => Promise<void> | undefined): void {
    if (batch.line + batch.count <= this.#due) return;
    const result: Result = { done: false, value: this.#take(batch) };
    const mine = turn();
    this.#settle(mine === undefined ? result : mine.then(() => result));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ahead = nothing;
    this.#signal.removeEventListener("abort", this);
    this.#live.remove(this);
    if (this.#resolve !== undefined) this.#settle(over);
  }

  async #begin(start: () => Promise<Start>): Promise<Result> {
    this.#isPulling = true;
    try {
      const { line, foreign } = await start();
      this.#start = undefined;
      this.#due = line;
      this.#isForeign = foreign === true;
    } finally {
      this.#isPulling = false;
    }
    return this.next();
  }

  /** Waits for the next batch. */
  #wait(): Promise<Result> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Reads the segments from the due line on. */
  async #read(): Promise<Result> {
    const live = this.#live;
    const endLine = live.line;
    try {
      this.#ahead =
        live.channel === undefined ? nothing : await live.reader.read(live.channel, this.#due, endLine);
    } finally {
      this.#isPulling = false;
    }
    this.#taken = 0;
    // Everything up to the end was trimmed; what comes next is handed over.
    if (this.#ahead.length === 0) this.#due = Math.max(this.#due, endLine);
    return this.next();
  }

  #settle(result: Result | Promise<Result>): void {
    const resolve = this.#resolve!;
    this.#resolve = undefined;
    this.#isPulling = false;
    resolve(result);
  }

  #take(batch: StoredBatch): StoredBatch {
    if (batch === this.#ahead[this.#taken] && ++this.#taken === this.#ahead.length) {
      this.#ahead = nothing;
      this.#taken = 0;
    }
    this.#due = batch.line + batch.count;
    batch.memory?.hold(); // the reader's
    this.#live.taken(batch);
    return batch;
  }
}
