/**
 * The unit of the log. A batch is immutable: canonical frames back to back, and who accepted them when.
 * Nothing after ingest touches a line unless it must.
 */

import { fnv1a } from "../hash.ts";
import type { ProducerId } from "../ids.ts";
import { logOf, type Position, positionAt } from "../position.ts";
import type { BatchMemory } from "./batch-memory.ts";
import { type LineIndex, placeShift, placesBytes } from "./line-places.ts";

/**
 * How the frames of a batch are written.
 * - `logplex`: `LEN <PRI>1 TIME host SOURCE PROCID - MSG`, the body of an HTTPS drain to the byte.
 * - `rfc5424`: `LEN <PRI>1 TIME host SOURCE PROCID MSGID SD MSG`, when a line came with a MSGID or structured data.
 */
export type Form = "logplex" | "rfc5424";

/** Lines as ingest made them: canonical frames of one form, not yet numbered. */
export type CanonicalLines = {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly form: Form;
  /** The line index, if it was made already. Callers use `indexOf`, which makes it once for all. */
  index?: LineIndex | undefined;
  /** The id of the request that brought the lines: an append with the same id within 10 minutes stores nothing. */
  readonly dedupId?: string;
};

/**
 * Lines of one channel that are stored together. `firstLine` counts the producer's lines in this channel from 0.
 * Producer and `firstLine` make the batch's mark, which shows that a position belongs to this log. By them, writers
 * on NATS also recognise their own batch when an answer was lost.
 */
export type Batch = CanonicalLines & {
  readonly producer: ProducerId;
  readonly firstLine: number;
  readonly acceptedAtMs: number;
};

/**
 * A batch in the log. `sequence` is its place; `line` is the channel's running number (from 0, over all producers)
 * of its first line, so that the difference of two of them is an exact count of lines, even of removed ones.
 * `incarnation` names the life of the channel's log. Engines hand the same object to every follower, so it can be a key
 * in a `WeakMap`.
 */
export type StoredBatch = Omit<Batch, "dedupId"> & {
  readonly sequence: number;
  readonly line: number;
  readonly incarnation: string;
  /** Set where `sequence` is not `line`: the batch's positions tell both. */
  readonly tellsLine?: true;
  /**
   * The memory that the batch lies in, on which everybody who is handed the batch has a hold. Absent: memory of its
   * own.
   */
  readonly memory?: BatchMemory | undefined;
};

/** The fields of a stored batch that its positions depend on. */
export type Placed = Pick<
  StoredBatch,
  "sequence" | "incarnation" | "producer" | "firstLine" | "line" | "tellsLine"
>;

/** The memory of lines and their index, whether it was made already or will be when somebody reads them. */
export const linesBytes = ({ bytes, count }: CanonicalLines): number => bytes.length + count * placesBytes;

/** A view of Node's pool for small buffers keeps no more alive. */
const pooledBytesMax = 8192;

/**
 * The batch in memory that holds little else; whoever calls this has no hold on the batch's own memory any more. A view can
 * keep far more alive than it shows: a body's batches all lie in the memory of the body.
 */
export function compactBatch(batch: StoredBatch): StoredBatch {
  const { memory, bytes } = batch;
  const heldBytes = bytes.buffer.byteLength;
  if (memory === undefined && (heldBytes <= pooledBytesMax || heldBytes <= 2 * bytes.length)) return batch;
  const own = ownBatch(batch);
  memory?.release();
  return own;
}

/** A copy of the batch in memory of its own. */
function ownBatch(batch: StoredBatch): StoredBatch {
  const bytes: Uint8Array = Uint8Array.prototype.slice.call(batch.bytes);
  const isIndexed = batch.index?.bytes === batch.bytes;
  const places = isIndexed ? batch.index?.places.slice(0, batch.count << placeShift) : undefined;
  return { ...batch, bytes, index: places && { bytes, places }, memory: undefined };
}

const marks = 36 ** 4;

/** The producer that was hashed last, since most batches of a process are its own. */
let hashed = { producer: "", hash: fnv1a("") };

/**
 * Distinguishes a batch from others that have, or had, the same place: 1 to 4 characters that depend on its producer
 * and number.
 */
export function markOf({ producer, firstLine }: Pick<Batch, "producer" | "firstLine">): string {
  if (hashed.producer !== producer) hashed = { producer, hash: fnv1a(producer) };
  return (((hashed.hash + Math.imul(firstLine, 0x9e3779b1)) >>> 0) % marks).toString(36);
}

/** The end of all positions in a stored batch. */
export const logOfBatch = (batch: Placed): string =>
  logOf(batch.incarnation, markOf(batch), batch.tellsLine && batch.line);

/** The place after the first `lines` lines of a stored batch. */
export const positionIn = (batch: Placed, lines: number): Position =>
  positionAt(batch.sequence, lines, logOfBatch(batch));

/** The place after a stored batch. */
export const endOf = (batch: StoredBatch): Position => positionIn(batch, batch.count);

// The stored form: a fixed head, the producer, the frames. Little-endian.
const versionByte = 1;
const headBytes = 1 + 1 + 1 + 4 + 8 + 8;

/** The size of a batch in the stored form. */
export const encodedBytes = (batch: { readonly producer: string; readonly bytes: Uint8Array }): number =>
  headBytes + batch.producer.length + batch.bytes.length;

/**
 * Two pieces: version, form, producer, count, first line, time; and the frames, which are not copied. `dedupId` is
 * not included. `room`: bytes to leave free before the head, for the caller.
 */
export function encodeBatch(batch: Batch, room = 0): readonly [head: Buffer, frames: Uint8Array] {
  const head = Buffer.allocUnsafe(room + headBytes + batch.producer.length);
  const out = room === 0 ? head : head.subarray(room);
  out[0] = versionByte;
  out[1] = batch.form === "logplex" ? 0 : 1;
  out[2] = batch.producer.length;
  out.writeUInt32LE(batch.count, 3);
  out.writeDoubleLE(batch.firstLine, 7);
  out.writeDoubleLE(batch.acceptedAtMs, 15);
  out.write(batch.producer, headBytes, "latin1");
  return [head, batch.bytes];
}

/** True if this is, byte for byte, what `encodeBatch` makes of this batch. */
export const isEncoded = (stored: Buffer, batch: Batch): boolean =>
  stored.length === encodedBytes(batch) &&
  stored[0] === versionByte &&
  stored[1] === (batch.form === "logplex" ? 0 : 1) &&
  stored[2] === batch.producer.length &&
  stored.readUInt32LE(3) === batch.count &&
  stored.readDoubleLE(7) === batch.firstLine &&
  stored.readDoubleLE(15) === batch.acceptedAtMs &&
  stored.toString("latin1", headBytes, headBytes + batch.producer.length) === batch.producer &&
  Buffer.compare(stored.subarray(headBytes + batch.producer.length), batch.bytes) === 0;

/**
 * Decodes the result of `encodeBatch`; `bytes` is a view of `stored`. Throws on anything else: the store is damaged.
 */
export function decodeBatch(
  stored: Buffer,
  place: Pick<StoredBatch, "sequence" | "line" | "incarnation" | "tellsLine">,
): StoredBatch {
  if (stored.length < headBytes || stored[0] !== versionByte) throw new Error("a stored batch is damaged");
  const bytesStart = headBytes + stored[2]!;
  return {
    form: stored[1] === 0 ? "logplex" : "rfc5424",
    producer: stored.toString("latin1", headBytes, bytesStart) as ProducerId,
    count: stored.readUInt32LE(3),
    firstLine: stored.readDoubleLE(7),
    acceptedAtMs: stored.readDoubleLE(15),
    bytes: stored.subarray(bytesStart),
    index: undefined, // made when somebody asks for it
    memory: undefined,
    ...place,
  };
}
