/**
 * The ranges that a drain delivers: the channel from its cursor on, or lines before the cursor that are sent again. A
 * range is a value; when lines of it are settled, the next one replaces it.
 */
import type { Position } from "../../../core/position.ts";
import type { From } from "../../../ports.ts";
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../../registry/records.ts";

/** A place in the channel, and the number of the line after it. */
export type LinePlace = { readonly position: Position; readonly line: number };

/** From the cursor on, without an end. */
export type LiveRange = LinePlace & { readonly kind: "live"; readonly endLine: number };
/** Delivered lines that may not have arrived. `counted` of those that are left are in `delivered`. */
export type Redelivery = LinePlace & {
  readonly kind: "redelivery";
  readonly endLine: number;
  readonly counted: number;
};
/** Lines that the owner has asked to send again. */
type Replay = LinePlace & { readonly kind: "replay"; readonly id: string; readonly endLine: number };

/** Begins at the next line to settle; ends before `endLine`. */
export type DeliveryRange = LiveRange | Redelivery | Replay;

/** A range, or a replay whose beginning must first be looked up in the log. */
export type RangeChoice =
  | LiveRange
  | Redelivery
  | { readonly kind: "replay"; readonly id: string; readonly from: From; readonly endLine: number };

/** The last replay that the owner asked for. */
export type AskedReplay = NonNullable<DrainRecord["replay"]>;

/** Picks the next range. The only place that decides this: what is unconfirmed, then a replay, then live lines. */
export function pickRange(checkpoint: DrainCheckpoint, asked: AskedReplay | undefined): RangeChoice {
  const { position, line, unconfirmed, replay } = checkpoint;
  const first = unconfirmed?.[0];
  if (first !== undefined) return { kind: "redelivery", ...first };
  if (asked !== undefined && asked.id !== replay?.id)
    return { kind: "replay", id: asked.id, from: { kind: "since", timeMs: asked.sinceMs }, endLine: line };
  if (asked !== undefined && replay?.position !== undefined)
    return {
      kind: "replay",
      id: asked.id,
      from: { kind: "after", position: replay.position },
      endLine: line,
    };
  return { kind: "live", position, line, endLine: Number.POSITIVE_INFINITY };
}

/** True when `range` is still next. */
export function isPicked(range: DeliveryRange | RangeChoice, picked: RangeChoice): boolean {
  if (range.kind === "replay") return picked.kind === "replay" && picked.id === range.id;
  return picked.kind === range.kind;
}

/** The rest of the range after `place`. `delivered`: lines before it that were delivered. */
export const rangeAfter = <Range extends DeliveryRange>(
  range: Range,
  place: LinePlace,
  delivered: number,
): Range =>
  range.kind === "redelivery"
    ? { ...range, ...place, counted: clamp(range.counted - delivered, range.endLine - place.line) }
    : { ...range, position: place.position, line: place.line };

const clamp = (lines: number, max: number): number => Math.max(0, Math.min(lines, max));
