/**
 * The stored form of a batch: the channel's running numbers of lines and of bytes, the sequence that its writer took
 * for the channel's last, then `encodeBatch`. Little-endian. A message is complete in itself: readers keep no state,
 * and the number of missing lines is always exact.
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
 * A message of a channel in its stream. `previous` is 0 when its writer knew of no message; `bytes` counts everything
 * in the channel before it.
 */
export type StoredMessage = {
  readonly sequence: number;
  readonly previous: number;
  readonly bytes: number;
  readonly batch: StoredBatch;
};

/** The end of a channel, as its next writer needs it. */
export type Head = {
  /** Stream sequence of the channel's last message; 0: it has none. */
  readonly sequence: number;
  /** Lines and bytes since the channel began. */
  readonly line: number;
  readonly bytes: number;
};

const headBytes = 24;
/** Bytes that `encodeMessage` adds to an encoded batch. */
export const messageOverheadBytes = headBytes;

/** The payload of the message after `head`, in pieces, so that the lines are not copied. */
export function encodeMessage(head: Head, batch: Batch): readonly Uint8Array[] {
  const pieces = encodeBatch(batch, headBytes);
  const [first] = pieces;
  first.writeDoubleLE(head.line, 0);
  first.writeDoubleLE(head.bytes, 8);
  first.writeDoubleLE(head.sequence, 16);
  return pieces;
}

/** Decodes a message of `encodeMessage`. Throws on anything else: the stream is damaged, or is not ours. */
export function decodeMessage(payload: Uint8Array, sequence: number, incarnation: string): StoredMessage {
  const bytes = own(payload);
  if (bytes.length < headBytes) throw new Error(`message ${sequence} is no batch`);
  return {
    sequence,
    bytes: bytes.readDoubleLE(8),
    previous: bytes.readDoubleLE(16),
    batch: decodeBatch(bytes.subarray(headBytes), {
      sequence,
      line: bytes.readDoubleLE(0),
      incarnation,
      tellsLine: true,
    }),
  };
}

/**
 * The same for a message that may be this process's own `batch`. Its followers are then handed these very lines, with
 * their index, and nothing is copied or scanned again. Undefined: it is another message.
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

/** The message of `batch` at `sequence`, after `head`. */
export function storedMessage(
  head: Head,
  batch: Batch,
  sequence: number,
  incarnation: string,
): StoredMessage {
  const { form, producer, count, firstLine, acceptedAtMs, bytes, index } = batch;
  const place = { sequence, line: head.line, incarnation, tellsLine: true, memory: undefined } as const;
  return {
    sequence,
    bytes: head.bytes,
    previous: head.sequence,
    batch: { form, producer, count, firstLine, acceptedAtMs, bytes, index, ...place },
  };
}

/** The end of a channel after `batch` was stored at `sequence`, directly after `before`. */
export const headAfter = (before: Omit<Head, "sequence">, batch: Batch, sequence: number): Head => ({
  sequence,
  line: before.line + batch.count,
  bytes: before.bytes + encodedBytes(batch),
});

/** The end of a channel whose last message this is. */
export const headAt = ({ sequence, bytes, batch }: StoredMessage): Head =>
  headAfter({ line: batch.line, bytes }, batch, sequence);

// A payload is a view of everything that came in one read of the socket, so a small one is copied.
function own(payload: Uint8Array): Buffer {
  const { buffer, byteOffset, length } = payload;
  if (buffer.byteLength <= 2 * length) return Buffer.from(buffer, byteOffset, length);
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(payload);
  return copy;
}
