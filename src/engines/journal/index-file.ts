/**
 * The index file of a full segment: a header, a JSON table of what the segment holds of each channel, and the rows.
 * It is used if its checksum is right and it belongs to a segment of exactly this length; otherwise it is made again.
 * Each page of rows has its own checksum, and is read when somebody asks for its lines.
 */
import { crc32 } from "node:zlib";
import type { ChannelId } from "../../core/ids.ts";
import type { ChannelTail } from "./channel.ts";
import type { Times } from "./entry.ts";
import { encodedRowsBytes, Rows } from "./rows.ts";
import type { Run, RunSummary } from "./run.ts";

const magic = 0x49_4a_52_54; // "TRJI"
const headerBytes = 16;

/** The end of a channel without lines. */
export type EndMark = ChannelTail & { readonly channel: ChannelId; readonly incarnation: string };
/** A dedup id, with what was stored under it, and when, as `ranMs` of its commit. */
export type StoredDedupId = {
  readonly channel: ChannelId;
  readonly id: string;
  readonly line: number;
  readonly count: number;
  readonly atMs: number;
};

/** A segment's index, for writing. */
export type SegmentIndex = {
  readonly segmentBytes: number;
  readonly commit: number;
  /** The times of the newest commit. */
  readonly times: Times | undefined;
  readonly runs: Iterable<Run>;
  readonly ends: readonly EndMark[];
  readonly destroyed: readonly ChannelId[];
  readonly dedupIds: readonly StoredDedupId[];
};

type StoredRun = RunSummary & {
  readonly channel: ChannelId;
  readonly incarnation: string;
  readonly rowsAt: number;
};
/** The same when read. `rowsAt` is a place in the file. */
export type StoredIndex = Omit<SegmentIndex, "runs"> & { readonly runs: readonly StoredRun[] };

/** The parts of the file, and the places of each run's rows in it. */
export function encodeIndex(index: SegmentIndex): {
  readonly parts: readonly Uint8Array[];
  readonly rowsAt: ReadonlyMap<Run, number>;
} {
  const runs = [...index.runs];
  const rows = runs.map((run) => rowsOf(run));
  let at = 0;
  const stored = runs.map((run, i): StoredRun => {
    const rowsAt = at;
    at += rows[i]!.length;
    return { ...summaryOf(run), channel: run.channel.id, incarnation: run.channel.incarnation, rowsAt };
  });
  const table = Buffer.from(JSON.stringify({ ...index, runs: stored }));
  const padding = Buffer.alloc(-(headerBytes + table.length) & 7, " ");
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(crc32(table), 4);
  header.writeUInt32LE(table.length, 8);
  const rowsStart = headerBytes + table.length + padding.length;
  const places = stored.map(({ rowsAt }) => rowsStart + rowsAt);
  return {
    parts: [header, table, padding, ...rows],
    rowsAt: new Map(runs.map((run, i) => [run, places[i]!])),
  };
}

/** Reads the table; undefined when the file is damaged, or is not for a segment of `segmentBytes`. */
export function decodeIndex(bytes: Buffer, segmentBytes: number): StoredIndex | undefined {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) return undefined;
  const tableEnd = headerBytes + bytes.readUInt32LE(8);
  const table = bytes.subarray(headerBytes, tableEnd);
  if (table.length !== tableEnd - headerBytes || bytes.readUInt32LE(4) !== crc32(table)) return undefined;
  const index = JSON.parse(table.toString()) as StoredIndex;
  const rowsStart = tableEnd + (-tableEnd & 7);
  const rowsBytes = index.runs.reduce((sum, { rowCount }) => sum + encodedRowsBytes(rowCount), 0);
  if (index.segmentBytes !== segmentBytes || bytes.length !== rowsStart + rowsBytes) return undefined;
  return { ...index, runs: index.runs.map((run) => ({ ...run, rowsAt: rowsStart + run.rowsAt })) };
}

function rowsOf(run: Run): Buffer {
  if (run.rows !== undefined) return run.rows.encode();
  const rows = new Rows();
  for (let i = 0; i < run.rowCount; i++) rows.push(run.row(i));
  return rows.encode();
}

const summaryOf = (run: Run): RunSummary => ({
  rowCount: run.rowCount,
  firstRow: run.firstRow,
  firstLine: run.firstLine,
  endLine: run.endLine,
  newest: run.newest,
  bytesBefore: run.bytesBefore,
  bytesAfter: run.bytesAfter,
  firstAcceptedMs: run.firstAcceptedMs,
  lastAcceptedMs: run.lastAcceptedMs,
});
