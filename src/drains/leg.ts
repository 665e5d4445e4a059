/** What a drain's worker follows: the channel from its cursor, or, for a replay, from an earlier place up to the cursor. */
import { positionIn, type StoredBatch } from "../core/batch.ts";
import { type Position, readPosition } from "../core/position.ts";
import type { ChannelLog } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";

export type Leg = {
  readonly replayId: string | undefined;
  position: Position;
  /** The next line; unknown until the first batch of a replay is seen. */
  line: number | undefined;
  /** A replay ends before this line. */
  readonly endLine: number;
};

/** From the cursor on, without an end. */
export const cursorLeg = ({ position, line }: DrainState): Leg => ({
  replayId: undefined,
  position,
  line,
  endLine: Number.POSITIVE_INFINITY,
});

/** The newest wish to send lines again; undefined when it is fulfilled, or when nothing behind the cursor is as young. */
export async function replayLeg(
  log: ChannelLog,
  { replay: wish, channel }: DrainRecord,
  { replay, line: endLine }: DrainState,
): Promise<Leg | undefined> {
  if (wish === undefined) return undefined;
  const leg = { replayId: wish.id, line: undefined, endLine };
  if (replay?.id === wish.id) return replay.position && { ...leg, position: replay.position };
  const newest = (await log.recent(channel, 1)).batches.at(-1);
  if (newest === undefined || newest.acceptedAtMs < wish.sinceMs) return undefined;
  const looking = new AbortController();
  for await (const first of log.follow(channel, { kind: "since", timeMs: wish.sinceMs }, looking.signal)) {
    looking.abort();
    return first.line < endLine ? { ...leg, position: positionIn(first, 0) } : undefined;
  }
  return undefined;
}

/** The channel's number of the leg's next line, of which the first batch read from there is known. */
export function lineOf({ line, position }: Leg, first: StoredBatch): number {
  if (line !== undefined) return line;
  const at = readPosition(position);
  return at?.sequence === first.sequence ? first.line + at.lines : first.line;
}
