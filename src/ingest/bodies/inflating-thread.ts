/**
 * Inflates bodies in a thread of its own, which gives way to the event loop. The threads of libuv's pool must not: they
 * write what lines wait for.
 */
import type { Worker } from "node:worker_threads";
import { AnsweringThread } from "../../threads/answering-thread.ts";
import { backgroundWorker } from "../../threads/background-worker.ts";
import { type Inflated, inflateInPool } from "./inflate.ts";
import type { InflatingTask } from "./inflating-worker.ts";

/** It has a quarter of a processor that the event loop wants all of. */
const nice = 5;
/** When the thread could not be started, the next attempt is made after this. */
const restartMs = 1_000;

export class InflatingThread {
  #thread: AnsweringThread<InflatingTask, Inflated> | undefined;
  readonly #start: () => Worker;
  #startMs = 0;

  /** `start` throws where the system has no thread to spare. */
  constructor(start: () => Worker = started) {
    this.#start = start;
  }

  /**
   * Inflates at most `bytesMax` bytes. The packed body is gone, unless it comes back. `ended`: the thread had no memory.
   * One body at a time.
   */
  async inflate(packed: Uint8Array, bytesMax: number): Promise<Inflated | "ended"> {
    const thread = this.#running();
    if (thread === undefined) return inflateInPool(packed, bytesMax);
    const own = packed.byteLength === packed.buffer.byteLength ? packed : new Uint8Array(packed);
    return thread.ask({ packed: own, bytesMax }, [own.buffer as ArrayBuffer]);
  }

  // Undefined where the system has no thread to spare.
  #running(): AnsweringThread<InflatingTask, Inflated> | undefined {
    if (this.#thread === undefined || this.#thread.isEnded) {
      if (performance.now() < this.#startMs) return undefined;
      this.#startMs = performance.now() + restartMs;
      this.#thread = new AnsweringThread(this.#start);
    }
    return this.#thread.isEnded ? undefined : this.#thread;
  }
}

const started = () =>
  backgroundWorker(new URL("./inflating-worker", import.meta.url), {
    name: "inflates",
    nice,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  });
