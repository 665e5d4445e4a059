/**
 * Writes what is small while the event loop waits for it, for at most two milliseconds. A disk mostly takes a fraction
 * of one. An answer that came through the event loop would wait until everything else that is due was done, which on a
 * busy server takes several times as long as the write. A thread does the writing, so that a disk that does not answer
 * holds up the event loop no longer than that; after such a write the next ones are not waited for.
 */
import { getSystemErrorMap } from "node:util";
import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import { shortWrite, totalBytes } from "./parts.ts";
import { asked, ended, idle, left, WriteSlot, writeBytesMax } from "./write-slot.ts";
import type { Said } from "./write-worker.ts";

/** Tests choose their own. */
type Limits = {
  /** The thread begins when small writes outweigh large ones by this. */
  readonly smallMin: number;
  /** The longest wait for a write. */
  readonly waitMsMax: number;
};
const usualLimits: Limits = { smallMin: 100, waitMsMax: 2 };
/** A large write counts as so many small ones. */
const largeWeight = 2;
/** After a late write, the next one is not waited for, after two in a row the next three, and so on up to this many. */
const skippedMax = 63;

/** The thread's file, compiled or as a source. */
const script = new URL(`./write-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

const written = Promise.resolve();

type Late = { readonly resolve: () => void; readonly reject: (error: Error) => void };

export class WriteThread {
  readonly #slot = new WriteSlot();
  readonly #limits: Limits;
  readonly #logger: Pick<Logger, "warn"> | undefined;
  #worker: Worker | undefined;
  #isReady = false;
  /** True once it could not begin, or has ended by itself: that would happen again. */
  #isGivenUp = false;
  /** How many more writes were small than large. */
  #small = 0;
  /** A write that took too long, and that nobody may overtake. */
  #late: Late | undefined;
  #lateInRow = 0;
  #toSkip = 0;

  constructor(limits?: Partial<Limits>, logger?: Pick<Logger, "warn">) {
    this.#limits = { ...usualLimits, ...limits };
    this.#logger = logger;
  }

  /**
   * Writes all of `parts`, back to back, from `at` on into a file that is synced by each write. Undefined, and nothing
   * is written, if that has to be done without this thread. Rejects with the system's error; any part of it may then
   * be written.
   */
  write(fd: number, parts: readonly Uint8Array[], at: number): Promise<void> | undefined {
    const length = totalBytes(parts);
    this.#weigh(length);
    if (length > writeBytesMax || !this.#isReady || this.#late !== undefined) return undefined;
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return undefined;
    }
    const { state, bytes } = this.#slot;
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    this.#slot.ask(fd, length, at);
    Atomics.store(state, 0, asked);
    Atomics.notify(state, 0);
    Atomics.wait(state, 0, asked, this.#limits.waitMsMax);
    if (Atomics.compareExchange(state, 0, asked, left) === asked) return this.#leave();
    this.#lateInRow = 0;
    const error = this.#error();
    return error === undefined ? written : Promise.reject(error);
  }

  /** Ends the thread; no write may be under way. */
  async close(): Promise<void> {
    this.#isReady = false;
    const { state } = this.#slot;
    Atomics.store(state, 0, ended);
    Atomics.notify(state, 0);
    await this.#worker?.terminate();
  }

  // The thread takes 17 MB, so it begins when it is of use.
  #weigh(bytes: number): void {
    if (this.#worker !== undefined || this.#isGivenUp) return;
    this.#small = bytes > writeBytesMax ? Math.max(0, this.#small - largeWeight) : this.#small + 1;
    if (this.#small < this.#limits.smallMin) return;
    try {
      this.#worker = this.#begin();
    } catch (error) {
      this.#giveUp(error); // the system has no thread to spare
    }
  }

  #begin(): Worker {
    const worker = new Worker(script, {
      name: "writes",
      env: {},
      execArgv: [],
      workerData: this.#slot.memory,
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    });
    worker.unref();
    worker.on("message", (said: Said) => {
      if (said === "ready") this.#isReady = true;
      else this.#lateDone();
    });
    worker.on("error", (error) => this.#giveUp(error)); // its end follows
    worker.on("exit", () => this.#ended());
    return worker;
  }

  #giveUp(err: unknown): void {
    this.#isGivenUp = true;
    this.#logger?.warn({ err }, "small commits have no thread of their own: they take longer from now on");
  }

  #leave(): Promise<void> {
    this.#lateInRow++;
    this.#toSkip = Math.min(skippedMax, 2 ** this.#lateInRow - 1);
    this.#worker!.ref();
    return new Promise((resolve, reject) => {
      this.#late = { resolve, reject };
    });
  }

  #lateDone(): void {
    const late = this.#late!;
    this.#late = undefined;
    this.#worker!.unref();
    const error = this.#error();
    if (error === undefined) late.resolve();
    else late.reject(error);
  }

  #ended(): void {
    this.#isReady = false;
    this.#late?.reject(new Error("the thread that writes has ended"));
    this.#late = undefined;
  }

  #error(): Error | undefined {
    const { result, task } = this.#slot;
    Atomics.store(this.#slot.state, 0, idle);
    if (result === task.length) return undefined;
    if (result >= 0) return shortWrite();
    const [code, message] = getSystemErrorMap().get(result) ?? ["EIO", "unknown"];
    return Object.assign(new Error(`${code}: ${message}, write`), { code });
  }
}
