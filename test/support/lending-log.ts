/**
 * A log whose followers are handed batches in memory of their own, which is overwritten when they give it back: whoever reads a
 * batch too late reads rubbish.
 */
import type { Batch, StoredBatch } from "../../src/core/batch/batch.ts";
import { BatchMemory } from "../../src/core/batch/batch-memory.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import type { Position } from "../../src/core/position.ts";
import type { ChannelLog, Followed, From, Within } from "../../src/ports.ts";

/** Copies the batch into separate memory, with the first hold on it. The last release overwrites it. */
export function lentCopy<Of extends Batch | StoredBatch>(
  batch: Of,
  returned: () => void = () => {},
): { readonly batch: Of; readonly memory: BatchMemory } {
  const bytes = Buffer.from(batch.bytes);
  const takeBack = (piece: Buffer) => {
    returned();
    piece.fill(0xdb);
  };
  const memory = new BatchMemory({ takeBack }, bytes, bytes.length);
  return { batch: { ...batch, bytes, index: undefined }, memory };
}

export class LendingLog implements ChannelLog {
  readonly #log: ChannelLog;
  /** The number of batches that followers got, and of those that they gave back. */
  lent = 0;
  returned = 0;

  constructor(log: ChannelLog) {
    this.#log = log;
  }

  append(channel: ChannelId, batch: Batch) {
    return this.#log.append(channel, batch);
  }

  follow(channel: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed> {
    const followed = this.#log.follow(channel, from, signal, until);
    return { [Symbol.asyncIterator]: () => this.#lending(followed[Symbol.asyncIterator]()) };
  }

  lineAfter(channel: ChannelId, position: Position) {
    return this.#log.lineAfter(channel, position);
  }

  recent(channel: ChannelId, lines: number, within?: Within) {
    return this.#log.recent(channel, lines, within);
  }

  destroy(channel: ChannelId) {
    return this.#log.destroy(channel);
  }

  close() {
    return this.#log.close();
  }

  // No more turns than the log itself takes: tests count on them.
  #lending(following: AsyncIterator<Followed>): AsyncIterator<Followed> {
    const lent = (result: IteratorResult<Followed>): IteratorResult<Followed> =>
      result.done || result.value === "foreign" ? result : { value: this.#lend(result.value) };
    return {
      next: () => following.next().then(lent),
      return: async () => (await following.return?.()) ?? { done: true, value: undefined },
    };
  }

  #lend(stored: StoredBatch): StoredBatch {
    this.lent++;
    const { batch, memory } = lentCopy(stored, () => this.returned++);
    return { ...batch, memory };
  }
}
