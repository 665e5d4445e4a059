/**
 * Lets readers of the same history share its memory: a batch that is read again is replaced by the one that somebody
 * still holds. It is still read from the servers, so that nobody is given what was trimmed or destroyed.
 */
import type { StoredBatch } from "../../../core/batch/batch.ts";

/** For a smaller batch, remembering it costs more than it saves. */
const bytesMin = 16 * 1024;

export class Interned {
  readonly #known = new Map<string, WeakRef<StoredBatch>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  /** Returns `batch`, or the same batch of this stream if somebody still holds it. */
  of(stream: string, batch: StoredBatch): StoredBatch {
    if (batch.bytes.length < bytesMin) return batch;
    const key = `${stream}:${batch.sequence}`;
    const known = this.#known.get(key)?.deref();
    if (known !== undefined && isSame(known, batch)) return known;
    this.#known.set(key, new WeakRef(batch));
    this.#gone.register(batch, key);
    return batch;
  }
}

const isSame = (one: StoredBatch, other: StoredBatch): boolean =>
  one.line === other.line &&
  one.producer === other.producer &&
  one.firstLine === other.firstLine &&
  one.acceptedAtMs === other.acceptedAtMs &&
  one.incarnation === other.incarnation &&
  (isSameMemory(one.bytes, other.bytes) || Buffer.compare(one.bytes, other.bytes) === 0);

const isSameMemory = (one: Uint8Array, other: Uint8Array): boolean =>
  one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length;
