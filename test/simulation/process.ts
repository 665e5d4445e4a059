/**
 * A process that may die at any moment: the clock, the log and the Store as it sees them. After `crash` none of its
 * waits ends and nothing that it does reaches the world; what was under way was done, or was not.
 */
import type { Batch } from "../../src/core/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { ChannelLog, Clock, Followed, From, Store } from "../../src/ports.ts";

/** Before and after a record is written: a crash finds writes on both sides. */
const putMs = 4;

export class MortalProcess {
  readonly clock: Clock;
  readonly log: ChannelLog;
  readonly store: Store;
  #isAlive = true;

  constructor(engine: Engine, clock: Clock) {
    this.clock = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: (ms, signal) => this.within(clock.sleep(ms, signal)),
    };
    const { log, store } = engine;
    this.log = {
      append: (channel: ChannelId, batch: Batch) => this.#try(() => log.append(channel, batch)),
      follow: (channel: ChannelId, from: From, signal: AbortSignal): AsyncIterable<Followed> =>
        this.#each(() => log.follow(channel, from, signal)),
      recent: (channel, lines) => this.#try(() => log.recent(channel, lines)),
      destroy: (channel) => this.#try(() => log.destroy(channel)),
      close: async () => {},
    };
    this.store = {
      get: (key) => this.#try(() => store.get(key)),
      put: async (key, value, revision) => {
        await this.clock.sleep(putMs);
        const written = await this.#try(() => store.put(key, value, revision));
        await this.clock.sleep(putMs);
        return written;
      },
      list: (prefix) => this.#each(() => store.list(prefix)),
      watch: (prefix, signal) => this.#each(() => store.watch(prefix, signal)),
      close: async () => {},
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  crash(): void {
    this.#isAlive = false;
  }

  /** What `work` comes to, as long as the process lives to see it. */
  within<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => this.#isAlive && resolve(value),
        (reason) => this.#isAlive && reject(reason),
      );
    });
  }

  #try<Value>(work: () => Promise<Value>): Promise<Value> {
    return this.#isAlive ? this.within(work()) : new Promise(() => {});
  }

  async *#each<Value>(open: () => AsyncIterable<Value>): AsyncGenerator<Value> {
    for await (const value of open()) {
      if (!this.#isAlive) await new Promise(() => {});
      yield value;
    }
    if (!this.#isAlive) await new Promise(() => {});
  }
}
