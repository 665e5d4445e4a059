/**
 * The bytes of a segment: a segment header, then one record for each commit. A record is a header and entries; an
 * entry is a header and a payload. Each has a checksum of its own, so a single batch can be read and verified without
 * its neighbours, and also erased without them: its payload is overwritten with zeros. All numbers are little-endian.
 * Pure functions over bytes.
 */
import { crc32 } from "node:zlib";
import type { Batch, Form, StoredBatch } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { ChannelId, ProducerId } from "../../core/ids.ts";

/** A magic number, the version of this form, and the segment's number, twelve bytes in all; then their checksum. */
export const segmentHeaderBytes = 16;
const segmentMagic = 0x53_4a_52_54; // "TRJS"
const formatVersion = 1;

/**
 * An entry records one thing of its channel. `lines`: a batch. `end`: the same without its bytes, which were trimmed,
 * for a channel without lines. `destroyed`: everything of the channel before this entry is gone.
 */
type EntryKind = "lines" | "end" | "destroyed";

const kinds: readonly EntryKind[] = ["lines", "end", "destroyed"];
const forms: readonly Form[] = ["logplex", "rfc5424"];

/** One entry; `bytes` is the payload. Numbers that a kind does not use are 0. */
export type Entry = {
  readonly kind: EntryKind;
  readonly channel: ChannelId;
  /** The name of the life of the channel's log. */
  readonly incarnation: string;
  readonly producer: ProducerId;
  /** The dedup id that the lines came with; empty if there was none. */
  readonly dedupId: string;
  readonly form: Form;
  readonly count: number;
  /** The running number of the first line, and the channel's bytes before it. */
  readonly line: number;
  readonly bytesBefore: number;
  /** The producer's own number for the first line. */
  readonly firstLine: number;
  readonly acceptedAtMs: number;
  readonly bytes: Uint8Array;
};

export const recordHeaderBytes = 48;
export const recordMagic = 0x43_4a_52_54; // "TRJC"
const fixedBytes = 60;
/** The largest header of an entry. */
export const headerBytesMax = fixedBytes + 4 * 255;
const noBytes = new Uint8Array(0);

/** The header of the segment with this number. */
export function encodeSegmentHeader(segment: number): Buffer {
  const out = Buffer.alloc(segmentHeaderBytes);
  out.writeUInt32LE(segmentMagic, 0);
  out.writeUInt32LE(formatVersion, 4);
  out.writeUInt32LE(segment, 8);
  out.writeUInt32LE(crc32(out.subarray(0, 12)), 12);
  return out;
}

/** The number in a segment header; undefined if this is not the header of a segment of this version. */
export function decodeSegmentHeader(bytes: Buffer): number | undefined {
  if (bytes.length < segmentHeaderBytes || bytes.readUInt32LE(0) !== segmentMagic) return undefined;
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(0, 12))) return undefined;
  return bytes.readUInt32LE(4) === formatVersion ? bytes.readUInt32LE(8) : undefined;
}

/** The bytes of the entry in a segment, including its header. */
export const entryBytes = (entry: Omit<Entry, "bytes">, payloadBytes: number): number =>
  fixedBytes +
  entry.channel.length +
  entry.incarnation.length +
  entry.producer.length +
  entry.dedupId.length +
  payloadBytes;

/** Writes the header of an entry at `offset` of its segment into `out` at `at`; returns the place after it. */
export function writeEntryHeader(out: Buffer, at: number, entry: Entry, offset: number): number {
  const { channel, incarnation, producer, dedupId, bytes } = entry;
  let end = at + fixedBytes;
  end += out.write(channel, end, "latin1");
  end += out.write(incarnation, end, "latin1");
  end += out.write(producer, end, "latin1");
  end += out.write(dedupId, end, "latin1");
  out.writeUInt16LE(end - at, at + 4);
  out[at + 6] = kinds.indexOf(entry.kind);
  out[at + 7] = entry.form === "logplex" ? 0 : 1;
  out.writeUInt32LE(bytes.length, at + 8);
  out.writeUInt32LE(crc32(bytes), at + 12);
  out.writeUInt32LE(entry.count, at + 16);
  out.writeUInt32LE(offset, at + 20);
  out.writeDoubleLE(entry.line, at + 24);
  out.writeDoubleLE(entry.firstLine, at + 32);
  out.writeDoubleLE(entry.acceptedAtMs, at + 40);
  out.writeDoubleLE(entry.bytesBefore, at + 48);
  out[at + 56] = channel.length;
  out[at + 57] = producer.length;
  out[at + 58] = dedupId.length;
  out[at + 59] = incarnation.length;
  out.writeUInt32LE(crc32(out.subarray(at + 4, end)), at);
  return end;
}

/**
 * The length of the entry header at `at` of `bytes`, which is `offset` in its segment; undefined if no valid header
 * is there. Cheap tests that rarely succeed by chance come first, because the search for entries after damage calls
 * this at each byte.
 */
export function entryHeaderBytes(bytes: Buffer, at: number, offset: number): number | undefined {
  if (at + fixedBytes > bytes.length || bytes.readUInt32LE(at + 20) !== offset) return undefined;
  const headerBytes = bytes.readUInt16LE(at + 4);
  const namesBytes = bytes[at + 56]! + bytes[at + 57]! + bytes[at + 58]! + bytes[at + 59]!;
  if (headerBytes !== fixedBytes + namesBytes || bytes[at + 6]! >= kinds.length) return undefined;
  if (at + headerBytes > bytes.length) return undefined;
  return bytes.readUInt32LE(at) === crc32(bytes.subarray(at + 4, at + headerBytes)) ? headerBytes : undefined;
}

/** An entry that was read. `isWhole` is false when its payload is damaged or erased. */
export type ReadEntry = { readonly entry: Entry; readonly size: number; readonly isWhole: boolean };

/**
 * Reads the entry at `at` of `bytes`; undefined when its header is invalid or it is cut off. The payload is a view.
 */
export function readEntry(bytes: Buffer, at: number, offset: number): ReadEntry | undefined {
  const headerBytes = entryHeaderBytes(bytes, at, offset);
  if (headerBytes === undefined) return undefined;
  const payloadAt = at + headerBytes;
  const payloadBytes = bytes.readUInt32LE(at + 8);
  if (payloadAt + payloadBytes > bytes.length) return undefined;
  const payload = bytes.subarray(payloadAt, payloadAt + payloadBytes);
  const incarnationAt = at + fixedBytes + bytes[at + 56]!;
  const producerAt = incarnationAt + bytes[at + 59]!;
  const dedupAt = producerAt + bytes[at + 57]!;
  const entry: Entry = {
    kind: kinds[bytes[at + 6]!]!,
    channel: bytes.toString("latin1", at + fixedBytes, incarnationAt) as ChannelId,
    incarnation: bytes.toString("latin1", incarnationAt, producerAt),
    producer: bytes.toString("latin1", producerAt, dedupAt) as ProducerId,
    dedupId: bytes.toString("latin1", dedupAt, payloadAt),
    form: forms[bytes[at + 7]!] ?? "logplex",
    count: bytes.readUInt32LE(at + 16),
    line: bytes.readDoubleLE(at + 24),
    firstLine: bytes.readDoubleLE(at + 32),
    acceptedAtMs: bytes.readDoubleLE(at + 40),
    bytesBefore: bytes.readDoubleLE(at + 48),
    bytes: payload,
  };
  const isWhole = bytes.readUInt32LE(at + 12) === crc32(payload);
  return { entry, size: headerBytes + payloadBytes, isWhole };
}

/** The time of a commit, by the clocks of `journal-clock.ts`. */
export type Times = { readonly ageMs: number; readonly ranMs: number };

export type RecordHeader = Times & {
  readonly bytes: number;
  readonly entries: number;
  readonly commit: number;
};

/**
 * Writes the header of a record: its length, its number of entries, and the running number and times of its commit.
 */
export function writeRecordHeader(out: Buffer, segment: number, record: RecordHeader): void {
  out.writeUInt32LE(recordMagic, 0);
  out.writeUInt32LE(record.bytes, 8);
  out.writeUInt32LE(record.entries, 12);
  out.writeDoubleLE(record.commit, 16);
  out.writeUInt32LE(segment, 24);
  out.writeUInt32LE(0, 28);
  out.writeDoubleLE(record.ageMs, 32);
  out.writeDoubleLE(record.ranMs, 40);
  out.writeUInt32LE(crc32(out.subarray(8, recordHeaderBytes)), 4);
}

/** Reads the header of a record of segment `segment` at `at`; undefined when no valid header is there. */
export function readRecordHeader(bytes: Buffer, at: number, segment: number): RecordHeader | undefined {
  if (at + recordHeaderBytes > bytes.length || bytes.readUInt32LE(at) !== recordMagic) return undefined;
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, at + recordHeaderBytes))) return undefined;
  if (bytes.readUInt32LE(at + 24) !== segment) return undefined;
  return {
    bytes: bytes.readUInt32LE(at + 8),
    entries: bytes.readUInt32LE(at + 12),
    commit: bytes.readDoubleLE(at + 16),
    ageMs: bytes.readDoubleLE(at + 32),
    ranMs: bytes.readDoubleLE(at + 40),
  };
}

/** The entry for a batch at this place of its channel. */
export const linesEntry = (
  channel: { readonly id: ChannelId; readonly incarnation: string },
  batch: Batch,
  line: number,
  bytesBefore: number,
): Entry => ({
  kind: "lines",
  channel: channel.id,
  incarnation: channel.incarnation,
  producer: batch.producer,
  dedupId: batch.dedupId ?? "",
  form: batch.form,
  count: batch.count,
  line,
  firstLine: batch.firstLine,
  acceptedAtMs: batch.acceptedAtMs,
  bytesBefore,
  bytes: batch.bytes,
});

/** The newest batch of a channel without lines: its place, without its bytes. */
type NewestBatch = Pick<Entry, "incarnation" | "producer" | "firstLine" | "count" | "line" | "bytesBefore">;

export const endEntry = (channel: ChannelId, newest: NewestBatch): Entry => ({
  ...noEntry("end", channel),
  ...newest,
});

export const destroyedEntry = (channel: ChannelId): Entry => noEntry("destroyed", channel);

const noEntry = (kind: EntryKind, channel: ChannelId): Entry => ({
  kind,
  channel,
  incarnation: "",
  producer: "" as ProducerId,
  dedupId: "",
  form: "logplex",
  count: 0,
  line: 0,
  firstLine: 0,
  acceptedAtMs: 0,
  bytesBefore: 0,
  bytes: noBytes,
});

/** The batch of a `lines` entry. Its line index is made when somebody asks for it. */
export const batchOfEntry = (entry: Entry): StoredBatch => storedForm(entry, entry.line, entry.incarnation);

type Kept = Pick<Batch, "form" | "producer" | "count" | "firstLine" | "acceptedAtMs" | "bytes" | "index">;

/**
 * A batch as the journal stores it: its sequence is its line. `memory`: what it lies in; absent: memory of its own.
 */
export const storedForm = (
  { form, producer, count, firstLine, acceptedAtMs, bytes, index }: Kept,
  line: number,
  incarnation: string,
  memory?: BatchMemory,
): StoredBatch => ({
  form,
  producer,
  count,
  firstLine,
  acceptedAtMs,
  bytes,
  index,
  sequence: line,
  line,
  incarnation,
  memory,
});
