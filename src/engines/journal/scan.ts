/**
 * Reads what a segment holds, by its bytes alone: after a crash, and where an index is missing. A commit begins only
 * when the one before it is on the disk, so damage with a later record behind it is damage to what was acknowledged,
 * and is told; damage with none behind it is taken for the last commit, torn by a crash before anybody was answered. A file
 * that was cut or damaged there afterwards looks the same.
 */
import {
  type ReadEntry,
  readEntry,
  readRecordHeader,
  recordHeaderBytes,
  recordMagic,
  segmentHeaderBytes,
  type Times,
} from "./entry.ts";

/** An entry with its place in the segment. `ranMs` is its commit's; 0 when that cannot be read. */
export type Found = ReadEntry & { readonly offset: number; readonly ranMs: number };

type Scan = {
  readonly entries: readonly Found[];
  /** Everything behind this is to be cut off: a torn commit, or nothing. */
  readonly end: number;
  /** The number of the newest commit, 0 when there is none, and when it was made. */
  readonly commit: number;
  readonly times: Times | undefined;
  /** Stretches of what was acknowledged of which nothing is known. A damaged payload is an entry that is not whole. */
  readonly damages: readonly { readonly offset: number; readonly bytes: number }[];
};

/** Reads a whole segment. `isComplete`: it was closed in order, so that nothing of it can be torn. */
export function scanSegment(bytes: Buffer, segment: number, isComplete: boolean): Scan {
  const entries: Found[] = [];
  const damages: { offset: number; bytes: number }[] = [];
  let at = segmentHeaderBytes;
  let commit = 0;
  let times: Times | undefined;
  while (at < bytes.length) {
    const record = readRecordHeader(bytes, at, segment);
    const end = record === undefined ? undefined : at + record.bytes;
    const next = end === undefined || end > bytes.length ? nextRecord(bytes, at + 1, segment) : end;
    const found = readEntries(bytes, at, next);
    const isKnown = found.length === record?.entries && end === next;
    const isWhole = isKnown && found.every((entry) => entry.isWhole);
    if (!isWhole && next >= bytes.length && !isComplete) return { entries, end: at, commit, times, damages };
    if (!isKnown) damages.push({ offset: at, bytes: next - at });
    for (const entry of found) entries.push({ ...entry, ranMs: record?.ranMs ?? 0 });
    if (record !== undefined) {
      commit = Math.max(commit, record.commit);
      times = { ageMs: record.ageMs, ranMs: record.ranMs };
    }
    at = next;
  }
  return { entries, end: bytes.length, commit, times, damages };
}

// The entries of a record: bytes that cannot be read are passed over where a later entry is found.
function readEntries(bytes: Buffer, at: number, end: number): Omit<Found, "ranMs">[] {
  const entries: Omit<Found, "ranMs">[] = [];
  for (let offset = at + recordHeaderBytes; offset < end; ) {
    const found = readEntry(bytes, offset, offset);
    if (found === undefined || offset + found.size > end) offset++;
    else {
      entries.push({ ...found, offset });
      offset += found.size;
    }
  }
  return entries;
}

// The place of the next record that holds, else the end.
function nextRecord(bytes: Buffer, from: number, segment: number): number {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(recordMagic);
  for (let at = bytes.indexOf(magic, from); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    if (readRecordHeader(bytes, at, segment) !== undefined) return at;
  }
  return bytes.length;
}
