/**
 * Lines that are sent together under one parcel id. A parcel is cut from the oldest lines that wait: all there are
 * up to the bounds, so it goes out at once while its destination is idle and grows while that is busy or behind.
 */
import { hash } from "node:crypto";
import { positionIn, type StoredBatch } from "../../core/batch/batch.ts";
import { endOfFrame, indexOf, pickLines } from "../../core/batch/line-index.ts";
import type { Kept } from "../../core/filter/line-filter.ts";
import type { Position } from "../../core/position.ts";
import type { Parcel, Slice } from "../../ports.ts";

export type ParcelLimits = {
  readonly linesMax: number;
  /** One line that is longer goes alone. */
  readonly bytesMax: number;
  /** The cut ends before this line of the channel: the end of a replay, or of a parcel that is sent again. */
  readonly endLine: number;
};

/** Lines of the channel without a gap, of which a parcel is made. */
export type CutRange = {
  /** Lines in the parcel; 0 when the filter kept none. */
  readonly count: number;
  /** Stored bytes in the parcel. */
  readonly bytes: number;
  /** Lines that the filter left out. */
  readonly filtered: number;
  /** The place behind the stretch, and the channel's number of the line there. */
  readonly end: Position;
  readonly endLine: number;
  /** When the stretch's first and last batches were accepted. */
  readonly firstAcceptedAtMs: number;
  readonly finalAcceptedAtMs: number;
};

/** With what is to be sent of it: undefined when the filter kept no line. */
export type Cut = { readonly cut: CutRange; readonly parcel: Parcel | undefined };

/** The lines of a batch that are sent; undefined where that is not known yet. */
export type KeptOf = (batch: StoredBatch) => Kept | undefined;

/**
 * Cuts from `batches` the stretch that begins at line `line`, which lies in the first of them. With `keptOf` it holds
 * the lines that are kept, and ends where that is not known; of the first batch it has to be. Stored bytes are passed
 * on as views; only a batch of which some lines are left out is copied. `name` makes the parcel id: equal for equal
 * stretches, so that a repeat can be told by its receiver.
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

/** Its id is made when somebody asks for it: a destination that is sent no ids costs no hash. */
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

// A small Buffer is a piece of a slab that many share, and would keep all of it.
function owned(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** 32 upper-case hex digits that follow from the drain and the stretch alone. */
export const parcelId = (name: string, start: Position, end: Position): string =>
  hash("sha256", `${name} ${start} ${end}`, "hex").slice(0, 32).toUpperCase();

// A batch that the next parcel can take whole is not cut for this one: whole ones are sent as they lie.
function fitsNextTime({ bytes, count, line }: StoredBatch, room: Room, limits: ParcelLimits): boolean {
  const fitsNow = bytes.length <= room.bytes && count <= room.lines;
  const fitsAlone = bytes.length <= limits.bytesMax && count <= limits.linesMax;
  return !fitsNow && fitsAlone && line + count <= limits.endLine;
}

type Room = { lines: number; bytes: number; empty: boolean };
type Taken = {
  readonly slice: Slice | undefined;
  readonly filtered: number;
  /** Lines of the batch passed. */
  readonly end: number;
};

// Takes the lines from number `skip` up to `end` of one batch as far as there is room. A whole batch is its own slice.
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
