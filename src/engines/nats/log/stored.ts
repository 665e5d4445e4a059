/**
 * The stored form of a batch: the channel's running numbers of lines and of bytes, the sequence of the message that its
 * writer took for the channel's last, then `encodeBatch`. Little endian. A message says all of itself: readers keep
 * no state, and what is gone is an exact number.
 */
import {
  type Batch,
  decodeBatch,
  encodeBatch,
  encodedBytes,
  isEncoded,
  type StoredBatch,
} from "../../../core/batch/batch.ts";

/**
 * A message of a channel as it lies in the stream. `previous` is 0 when its writer knew of none; `bytes` counts what
 * the channel ever had before it.
 */
export type StoredMessage = {
  readonly sequence: number;
  readonly previous: number;
  readonly bytes: number;
  readonly batch: StoredBatch;
};

/** The end of a channel, as its next writer has to know it. */
export type Head = {
  /** Stream sequence of the channel's last message; 0: it has none. */
  readonly sequence: number;
  /** Lines and bytes that there ever were. */
  readonly line: number;
  readonly bytes: number;
};

const headBytes = 24;
/** Bytes that `encodeMessage` adds to an encoded batch. */
export const messageOverheadBytes = headBytes;

/** The payload of the message that follows `head`, in pieces: the lines are not copied. */
export function encodeMessage(head: Head, batch: Batch): readonly Uint8Array[] {
  const pieces = encodeBatch(batch, headBytes);
  const [first] = pieces;
  first.writeDoubleLE(head.line, 0);
  first.writeDoubleLE(head.bytes, 8);
  first.writeDoubleLE(head.sequence, 16);
  return pieces;
}

/** Reads what `encodeMessage` wrote. Throws on anything else: the stream is damaged, or not ours. */
export function decodeMessage(payload: Uint8Array, sequence: number, incarnation: string): StoredMessage {
  const bytes = own(payload);
  if (bytes.length < headBytes) throw new Error(`message ${sequence} is no batch`);
  return {
    sequence,
    bytes: bytes.readDoubleLE(8),
    previous: bytes.readDoubleLE(16),
    batch: decodeBatch(bytes.subarray(headBytes), { sequence, line: bytes.readDoubleLE(0), incarnation }),
  };
}

/**
 * The same of a message that may be one that this process wrote as `batch`: then its followers are handed these lines,
 * whose index is made, and nothing is copied or scanned again. Undefined: it is another one.
 */
export function ownMessage(
  payload: Uint8Array,
  sequence: number,
  incarnation: string,
  batch: Batch,
): StoredMessage | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (bytes.length < headBytes || !isEncoded(bytes.subarray(headBytes), batch)) return undefined;
  const head = {
    line: bytes.readDoubleLE(0),
    bytes: bytes.readDoubleLE(8),
    sequence: bytes.readDoubleLE(16),
  };
  return storedMessage(head, batch, sequence, incarnation);
}

/** The message of `batch` at `sequence` that was written behind `head`. */
export function storedMessage(
  head: Head,
  batch: Batch,
  sequence: number,
  incarnation: string,
): StoredMessage {
  const { form, producer, count, firstLine, acceptedAtMs, bytes, index } = batch;
  const place = { sequence, line: head.line, incarnation, memory: undefined };
  return {
    sequence,
    bytes: head.bytes,
    previous: head.sequence,
    batch: { form, producer, count, firstLine, acceptedAtMs, bytes, index, ...place },
  };
}

/** The end of a channel behind a batch that was stored at `sequence` behind `before`. */
export const headBehind = (before: Omit<Head, "sequence">, batch: Batch, sequence: number): Head => ({
  sequence,
  line: before.line + batch.count,
  bytes: before.bytes + encodedBytes(batch),
});

/** The end of a channel whose last message this is. */
export const headAt = ({ sequence, bytes, batch }: StoredMessage): Head =>
  headBehind({ line: batch.line, bytes }, batch, sequence);

// A payload is a view of all that came in one read of the socket: a small one gets memory of its own.
function own(payload: Uint8Array): Buffer {
  const { buffer, byteOffset, length } = payload;
  if (buffer.byteLength <= 2 * length) return Buffer.from(buffer, byteOffset, length);
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(payload);
  return copy;
}
