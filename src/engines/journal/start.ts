/** Finds where a follower starts. */
import assert from "node:assert";
import { readPosition } from "../../core/position.ts";
import type { From } from "../../ports.ts";
import { isForeign, isOrigin } from "../incarnation.ts";
import type { Channel } from "./channel.ts";
import type { Reader } from "./reader.ts";
import { IndexDamaged } from "./run.ts";

/** The first line that a follower wants. `foreign`: it asked for a place of another log, and must be told. */
export type Start = { readonly line: number; readonly foreign?: true };

/** The place is fixed at the call; if it must be compared with a stored batch, the answer comes later. */
export function startOf(
  channel: Channel | undefined,
  from: From,
  reader: Reader,
): Start | (() => Promise<Start>) {
  const endLine = channel?.line ?? 0;
  switch (from.kind) {
    case "after":
      return startAfter(channel, from.position, reader);
    case "last":
      return { line: Math.max(0, endLine - from.lines) };
    case "since":
      return { line: channel === undefined ? 0 : lineSince(channel, from.timeMs, endLine) };
    case "now":
      return { line: endLine };
  }
}

function startAfter(
  channel: Channel | undefined,
  position: string,
  reader: Reader,
): Start | (() => Promise<Start>) {
  const place = readPosition(position);
  assert(place !== undefined, "not a position");
  if (isOrigin(place)) return { line: 0 };
  if (channel === undefined) return { line: 0, foreign: true };
  const { line: endLine, end, incarnation } = channel;
  return async () => {
    // The batch with the place's line, or the oldest one after it, since retention removes the oldest first.
    const [found] = await reader.read(channel, place.sequence, endLine);
    const at = found?.line === place.sequence ? found : undefined;
    const foreign = isForeign(place, { incarnation, end, at, oldest: found });
    return foreign ? { line: 0, foreign } : { line: place.sequence + place.lines };
  };
}

// A damaged index yields more than was asked for; reading restores it.
function lineSince(channel: Channel, timeMs: number, endLine: number): number {
  try {
    return channel.since(timeMs, endLine);
  } catch (error) {
    if (error instanceof IndexDamaged) return channel.firstLine;
    throw error;
  }
}
