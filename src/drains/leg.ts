/**
 * What a drain's worker follows: the channel from its cursor, or what is sent once more, from an earlier place up to
 * the cursor: for a replay, or since the connection broke so soon that lines which were delivered may not have arrived.
 */
import { positionIn, type StoredBatch } from "../core/batch.ts";
import { type Position, readPosition } from "../core/position.ts";
import type { ChannelLog } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";
import type { StateKeeper } from "./state-keeper.ts";

export type Leg = {
  /** Why lines that have their place in the ledger are sent once more; a replay by its id. */
  readonly again: "doubt" | { readonly replay: string } | undefined;
  position: Position;
  /** The next line; unknown until the first batch of a replay is seen. */
  line: number | undefined;
  /** What is sent once more ends before this line. */
  readonly endLine: number;
  /** Of a doubt: lines left that stand in `delivered`. */
  counted: number;
};

/** From the cursor on, without an end. */
const cursorLeg = ({ position, line }: DrainState): Leg => ({
  again: undefined,
  position,
  line,
  endLine: Number.POSITIVE_INFINITY,
  counted: 0,
});

/** What is in doubt; undefined when nothing is. */
const doubtLeg = ({ doubt }: DrainState): Leg | undefined => doubt && { again: "doubt", ...doubt };

/** What the state says of a leg of lines that are sent once more, when it is at `position`; undefined: at its end. */
export function progressOf(leg: Leg, position: Position | undefined): Partial<DrainState> {
  if (leg.again === undefined) return {};
  if (leg.again !== "doubt") return { replay: { id: leg.again.replay, ...(position && { position }) } };
  if (position === undefined || leg.line === undefined) return { doubt: undefined };
  return { doubt: { position, line: leg.line, endLine: leg.endLine, counted: leg.counted } };
}

/** The newest wish to send lines again; undefined when it is fulfilled, or when nothing behind the cursor is as young. */
async function replayLeg(
  log: ChannelLog,
  { replay: wish, channel }: DrainRecord,
  { replay, line: endLine }: DrainState,
): Promise<Leg | undefined> {
  if (wish === undefined) return undefined;
  const leg = { again: { replay: wish.id }, line: undefined, endLine, counted: 0 };
  if (replay?.id === wish.id) return replay.position && { ...leg, position: replay.position };
  const newest = (await log.recent(channel, 1)).batches.at(-1);
  if (newest === undefined || newest.acceptedAtMs < wish.sinceMs) return undefined;
  const looking = new AbortController();
  for await (const first of log.follow(channel, { kind: "since", timeMs: wish.sinceMs }, looking.signal)) {
    looking.abort();
    if (first === "foreign") break; // of positions alone
    return first.line < endLine ? { ...leg, position: positionIn(first, 0) } : undefined;
  }
  return undefined;
}

/** What is to be followed now: what is in doubt, else what is wished for once more, else the channel from the cursor. */
export async function nextLeg(
  log: ChannelLog,
  drain: DrainRecord,
  keeper: Pick<StateKeeper, "state" | "set">,
): Promise<Leg> {
  const { replay } = drain;
  const doubtful = doubtLeg(keeper.state);
  if (doubtful !== undefined) return doubtful;
  const leg = await replayLeg(log, drain, keeper.state);
  if (leg !== undefined) return leg;
  if (replay !== undefined && keeper.state.replay?.id !== replay.id)
    keeper.set({ replay: { id: replay.id } });
  return cursorLeg(keeper.state);
}

/** The channel's number of the leg's next line, of which the first batch read from there is known. */
export function lineOf({ line, position }: Leg, first: StoredBatch): number {
  if (line !== undefined) return line;
  const at = readPosition(position);
  return at?.sequence === first.sequence ? first.line + at.lines : first.line;
}
