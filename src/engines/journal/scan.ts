/**
 * Reads the contents of a segment from its bytes alone: after a crash, and when an index is missing. A commit begins
 * only when the previous one is on the disk. So damage with a later record after it is damage to acknowledged lines,
 * and is reported. Damage without one is taken for the last commit, torn by a crash before anybody was answered; a
 * file that was truncated or damaged there later looks the same.
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

/** An entry with its place in the segment. `ranMs` is that of its commit; 0 when it cannot be read. */
export type Found = ReadEntry & { readonly offset: number; readonly ranMs: number };

type Scan = {
  readonly entries: readonly Found[];
  /** Everything after this must be cut off: a torn commit, or nothing. */
  readonly end: number;
  /** The place of the last record before that. */
  readonly lastAt: number;
  /** The number of the newest commit, and its times; 0 when there is none. */
  readonly commit: number;
  readonly times: Times | undefined;
  /**
   * Stretches of acknowledged bytes that cannot be read at all. A damaged payload is not among them: its entry is not
   * whole.
   */
  readonly damages: readonly { readonly offset: number; readonly bytes: number }[];
};

/** Reads a whole segment. `isComplete`: it was closed properly, so nothing in it can be torn. */
export function scanSegment(bytes: Buffer, segment: number, isComplete: boolean): Scan {
  const entries: Found[] = [];
  const damages: { offset: number; bytes: number }[] = [];
  let at = segmentHeaderBytes;
  let lastAt = at;
  let commit = 0;
  let times: Times | undefined;
  while (at < bytes.length) {
    const record = readRecordHeader(bytes, at, segment);
    const end = record === undefined ? undefined : at + record.bytes;
    const next = end === undefined || end > bytes.length ? nextRecord(bytes, at + 1, segment) : end;
    const found = readEntries(bytes, at, next);
    const isKnown = found.length === record?.entries && end === next;
    const isWhole = isKnown && areWhole(found);
    if (!isWhole && next >= bytes.length && !isComplete)
      return { entries, end: at, lastAt, commit, times, damages };
    if (!isKnown) damages.push({ offset: at, bytes: next - at });
    for (const entry of found) entries.push({ ...entry, ranMs: record?.ranMs ?? 0 });
    if (record !== undefined) {
      commit = Math.max(commit, record.commit);
      times = { ageMs: record.ageMs, ranMs: record.ranMs };
    }
    lastAt = at;
    at = next;
  }
  return { entries, end: bytes.length, lastAt, commit, times, damages };
}

// True if nothing is damaged but lines that the same record destroys: they may have been erased since.
function areWhole(found: readonly ReadEntry[]): boolean {
  const destroyed = new Set<string>();
  return found.toReversed().every(({ entry, isWhole }) => {
    if (entry.kind === "destroyed") destroyed.add(entry.channel);
    return isWhole || destroyed.has(entry.channel);
  });
}

// The entries of a record; unreadable bytes are skipped if there is a later entry.
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

// The place of the next valid record, or the end.
function nextRecord(bytes: Buffer, from: number, segment: number): number {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(recordMagic);
  for (let at = bytes.indexOf(magic, from); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    if (readRecordHeader(bytes, at, segment) !== undefined) return at;
  }
  return bytes.length;
}
