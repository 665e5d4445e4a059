/**
 * Decides how large a drain's next parcel may be and where it must end: at what its receiver accepts, at what it
 * accepted after it called a parcel too large, where the parcel ended before if it is sent again, and within what was
 * refused.
 */
import type { CutRange, ParcelLimits } from "../parcel.ts";
import type { DeliveryRange, RangeChoice } from "./ranges.ts";

/** The limits of each drain's parcels. */
export type BatchLimits = {
  readonly parcelLinesMax: number;
  readonly parcelBytesMax: number;
  /** The parcel size of a drain that has not delivered anything since it last failed. */
  readonly probeBytesMax: number;
  /** How long a destination that answered 413 gets smaller parcels. */
  readonly splitMsMax: number;
};

/** A receiver's own limits of one parcel, where they are lower. */
export type ReceiverLimits = { readonly linesMax?: number; readonly bytesMax?: number };

/** Lessons from earlier attempts for the size of the next parcel. */
export type Sizing = {
  /** The range that the tries and the suspect ends belong to. */
  readonly of: string;
  /**
   * The end of a parcel that must be sent again unchanged, under the same id: one for the live range, one for a
   * replay. A redelivery has none, because destinations that would need it see no ids.
   */
  readonly heldLive: number | undefined;
  readonly heldReplay: { readonly id: string; readonly endLine: number } | undefined;
  /** Ends of refused stretches that are being halved, the innermost last: the next parcel must not go beyond it. */
  readonly suspectEnds: readonly number[];
  /** Set when a parcel was too large. */
  readonly split: { readonly bytesMax: number; readonly untilMonotonicMs: number } | undefined;
  /** Tries of a parcel that was not accepted or answered in time. */
  readonly slowTries: number;
  /** Tries of a line that was refused alone. */
  readonly refusals: number;
};

export const unsized: Sizing = {
  of: "live",
  heldLive: undefined,
  heldReplay: undefined,
  suspectEnds: [],
  split: undefined,
  slowTries: 0,
  refusals: 0,
};

/** Parcels for a slow destination are not made smaller than this. */
const slowBytesMin = 16 * 1024;
/** A parcel that is sent again ends where it ended the first time, however large it is. */
const unbounded = { linesMax: Number.MAX_SAFE_INTEGER, bytesMax: Number.MAX_SAFE_INTEGER };

export type Sized = {
  readonly range: DeliveryRange;
  /** See the drain's memory. */
  readonly isTrusted: boolean;
  readonly monotonicMs: number;
  readonly limits: BatchLimits;
  readonly receiver: ReceiverLimits;
};

/** The end of the first parcel of `range`, if it must be sent again unchanged. */
export function heldEndOf({ heldLive, heldReplay }: Sizing, range: DeliveryRange): number | undefined {
  if (range.kind === "live") return heldLive;
  return range.kind === "replay" && heldReplay?.id === range.id ? heldReplay.endLine : undefined;
}

/** The bounds of the next parcel. `isHeld`: it must end exactly there. */
export function parcelLimitsOf(sizing: Sizing, sized: Sized): ParcelLimits & { readonly isHeld: boolean } {
  const { range, isTrusted, monotonicMs, limits, receiver } = sized;
  const heldEnd = heldEndOf(sizing, range);
  if (heldEnd !== undefined) return { ...unbounded, endLine: heldEnd, isHeld: true };
  const split =
    sizing.split !== undefined && sizing.split.untilMonotonicMs > monotonicMs ? sizing.split : undefined;
  return {
    linesMax: Math.min(receiver.linesMax ?? limits.parcelLinesMax, limits.parcelLinesMax),
    bytesMax: Math.min(
      isTrusted ? limits.parcelBytesMax : limits.probeBytesMax,
      receiver.bytesMax ?? limits.parcelBytesMax,
      split?.bytesMax ?? limits.parcelBytesMax,
    ),
    endLine: sizing.suspectEnds.at(-1) ?? range.endLine,
    isHeld: false,
  };
}

/** `cut` was not accepted, and will be sent again unchanged. */
export const hold = (sizing: Sizing, range: DeliveryRange, { endLine }: CutRange): Sizing =>
  withHeldEnd(sizing, range, endLine);

/** `cut` was too large: it is sent in parts, and later parcels are that small for a while. */
export const halveBySize = (
  sizing: Sizing,
  range: DeliveryRange,
  { bytes }: CutRange,
  untilMonotonicMs: number,
): Sizing => ({
  ...withHeldEnd(sizing, range, undefined),
  slowTries: 0,
  split: { bytesMax: Math.ceil(bytes / 2), untilMonotonicMs },
});

/**
 * `cut`, at the beginning of `range`, was refused, perhaps because of one of its lines: its halves are sent
 * separately, a refused half is halved again, and so on. If all of n lines are refused, that makes 2n - 1 stretches.
 */
export function halveByContent(sizing: Sizing, range: DeliveryRange, { endLine }: CutRange): Sizing {
  const { suspectEnds } = sizing;
  const outer = suspectEnds.at(-1) === endLine ? suspectEnds : [...suspectEnds, endLine];
  const middle = range.line + Math.floor((endLine - range.line) / 2);
  return { ...withHeldEnd(sizing, range, undefined), suspectEnds: [...outer, middle] };
}

/**
 * True when a slow destination may be slow because of the parcel's size; with a small parcel, the destination itself
 * is slow.
 */
export const isDivisible = ({ bytes, count }: CutRange): boolean => count > 1 && bytes > slowBytesMin;

/** Lines of `range` before `line` are settled, or gone. */
export function passed(sizing: Sizing, range: DeliveryRange, line: number): Sizing {
  const heldEnd = heldEndOf(sizing, range);
  const { suspectEnds, slowTries, refusals } = sizing;
  const isHeld = heldEnd !== undefined && heldEnd <= line;
  if (!isHeld && suspectEnds.length === 0 && slowTries === 0 && refusals === 0) return sizing;
  return {
    ...(isHeld ? withHeldEnd(sizing, range, undefined) : sizing),
    suspectEnds: suspectEnds.length === 0 ? suspectEnds : suspectEnds.filter((end) => end > line),
    slowTries: 0,
    refusals: 0,
  };
}

/** If lines of a parcel that was to be sent again were trimmed, the rest is cut anew. */
export function beginningAt(sizing: Sizing, range: DeliveryRange): Sizing {
  const ends = [heldEndOf(sizing, range) ?? range.endLine, ...sizing.suspectEnds];
  return ends.every((end) => end > range.line) ? sizing : passed(sizing, range, range.line);
}

/** For the next range: refusals in another range say nothing about this one. */
export function sizingFor(sizing: Sizing, next: DeliveryRange | RangeChoice): Sizing {
  const of = next.kind === "replay" ? `replay ${next.id}` : next.kind;
  return sizing.of === of ? sizing : { ...sizing, of, suspectEnds: [], slowTries: 0, refusals: 0 };
}

function withHeldEnd(sizing: Sizing, range: DeliveryRange, endLine: number | undefined): Sizing {
  if (range.kind === "live") return { ...sizing, heldLive: endLine };
  if (range.kind !== "replay") return sizing;
  return { ...sizing, heldReplay: endLine === undefined ? undefined : { id: range.id, endLine } };
}
