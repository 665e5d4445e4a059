/**
 * Lines that are sent together under one parcel id. A parcel takes the oldest waiting lines, as many as there are
 * within the bounds: so it goes out at once while its destination is idle, and grows while the destination is busy or
 * behind.
 */
import { hash } from "node:crypto";
import { positionIn, type StoredBatch } from "../../core/batch/batch.ts";
import { endOfFrame, indexOf, pickLines } from "../../core/batch/line-index.ts";
import type { Kept } from "../../core/filter/line-filter.ts";
import type { Position } from "../../core/position.ts";
import type { Parcel, Slice } from "../../ports.ts";

export type ParcelLimits = {
  readonly linesMax: number;
  /** A longer line goes alone. */
  readonly bytesMax: number;
  /** The parcel ends before this line of the channel, where a replay ends, or a parcel that is sent again. */
  readonly endLine: number;
};

/** Consecutive lines of the channel from which a parcel is made. */
export type CutRange = {
  /** Lines in the parcel; 0 when the filter kept none. */
  readonly count: number;
  /** Stored bytes in the parcel. */
  readonly bytes: number;
  /** Lines that the filter left out. */
  readonly filtered: number;
  /** The place after the range, and the number of the line there. */
  readonly end: Position;
  readonly endLine: number;
  /** When the first and the last batch of the range were accepted. */
  readonly firstAcceptedAtMs: number;
  readonly finalAcceptedAtMs: number;
};

/** A range and what is sent of it: undefined when the filter kept no line. */
export type Cut = { readonly cut: CutRange; readonly parcel: Parcel | undefined };

/** The lines of a batch that the filter keeps; undefined if that is not known yet. */
export type KeptOf = (batch: StoredBatch) => Kept | undefined;

/**
 * Cuts from `batches` the range that begins at line `line`, which is in the first of them. With `keptOf`, the parcel
 * holds only the lines that are kept, and ends where that is not known yet; it must be known of the first batch. Stored
 * bytes are passed on as views: a batch is copied only if some of its lines are left out. `name` makes the parcel id,
 * which is the same for the same range, so that the receiver can recognise a repeat.
 */
export function cutParcel(
  batches: readonly StoredBatch[],
  line: number,
  keptOf: KeptOf | undefined,
  limits: ParcelLimits,
  name: string,
): Cut {
  const first = batches[0]!;
  const slices: Slice[] = [];
  const room = { lines: limits.linesMax, bytes: limits.bytesMax, empty: true };
  let filtered = 0;
  let at = line;
  let final = first;
  for (const batch of batches) {
    if (batch.line > at || at >= limits.endLine || room.lines <= 0) break;
    if (at > line && keptOf === undefined && fitsNextTime(batch, room, limits)) break;
    const kept = keptOf?.(batch);
    if (keptOf !== undefined && kept === undefined) break;
    const taken = takeLines(batch, at - batch.line, limits.endLine - batch.line, kept, room);
    if (taken.slice !== undefined) slices.push(taken.slice);
    filtered += taken.filtered;
    at = batch.line + taken.end;
    if (taken.end > 0) final = batch;
    if (taken.end < batch.count) break;
  }
  const end = positionIn(final, at - final.line);
  const count = limits.linesMax - room.lines;
  const idParts = { name, first, skipped: line - first.line, end };
  const parcel = count === 0 ? undefined : new CutParcel(slices, count, idParts);
  const cut: CutRange = {
    count,
    bytes: limits.bytesMax - room.bytes,
    filtered,
    end,
    endLine: at,
    firstAcceptedAtMs: first.acceptedAtMs,
    finalAcceptedAtMs: final.acceptedAtMs,
  };
  return { cut, parcel };
}

type IdParts = {
  readonly name: string;
  readonly first: StoredBatch;
  readonly skipped: number;
  readonly end: Position;
};

/** Makes its id when it is first asked for: a destination that gets no ids costs no hash. */
class CutParcel implements Parcel {
  readonly slices: readonly Slice[];
  readonly count: number;
  readonly #idParts: IdParts;
  #id: string | undefined;

  constructor(slices: readonly Slice[], count: number, idParts: IdParts) {
    this.slices = slices;
    this.count = count;
    this.#idParts = idParts;
  }

  get parcelId(): string {
    const { name, first, skipped, end } = this.#idParts;
    this.#id ??= parcelId(name, positionIn(first, skipped), end);
    return this.#id;
  }
}

/** The same parcel in memory of its own, so that it keeps no batch alive. */
export const compact = ({ parcelId: id, slices, count: lines }: Parcel): Parcel => ({
  parcelId: id,
  count: lines,
  slices: slices.map(({ bytes, count, form }) => ({ bytes: owned(bytes), count, form })),
});

// A small Buffer is part of a shared slab, and would keep all of that alive.
function owned(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** 32 upper-case hex digits that depend only on the drain and the range. */
export const parcelId = (name: string, start: Position, end: Position): string =>
  hash("sha256", `${name} ${start} ${end}`, "hex").slice(0, 32).toUpperCase();

// A batch that fits whole into the next parcel is not split for this one, because whole batches are sent without a
// copy.
function fitsNextTime({ bytes, count, line }: StoredBatch, room: Room, limits: ParcelLimits): boolean {
  const fitsNow = bytes.length <= room.bytes && count <= room.lines;
  const fitsAlone = bytes.length <= limits.bytesMax && count <= limits.linesMax;
  return !fitsNow && fitsAlone && line + count <= limits.endLine;
}

type Room = { lines: number; bytes: number; empty: boolean };
type Taken = {
  readonly slice: Slice | undefined;
  readonly filtered: number;
  /** The number of the batch's lines that were passed. */
  readonly end: number;
};

// Takes the lines from number `skip` up to `end` of one batch, as far as there is room. A whole batch is a slice as it
// is.
function takeLines(batch: StoredBatch, skip: number, end: number, kept: Kept | undefined, room: Room): Taken {
  const { count, bytes } = batch;
  const isWhole = kept === undefined && skip === 0 && count <= end;
  if (isWhole && count <= room.lines && bytes.length <= room.bytes) {
    take(room, count, bytes.length);
    return { slice: batch, filtered: 0, end: count };
  }
  const index = indexOf(batch);
  const runs: number[] = [];
  let taken = 0;
  let line = skip;
  for (; line < Math.min(count, end) && room.lines > 0; line++) {
    if (kept?.[line] === 0) continue;
    const frameBytes = endOfFrame(index, line) - endOfFrame(index, line - 1);
    if (frameBytes > room.bytes && !room.empty) break;
    take(room, 1, frameBytes);
    taken++;
    if (runs.at(-1) === line) runs.pop();
    else runs.push(line);
    runs.push(line + 1);
  }
  return {
    slice: taken === 0 ? undefined : pickLines(batch, runs),
    filtered: line - skip - taken,
    end: line,
  };
}

function take(room: Room, lines: number, bytes: number): void {
  room.lines -= lines;
  room.bytes -= bytes;
  room.empty = false;
}
