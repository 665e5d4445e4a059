/**
 * An app's batches from a position on: from its ring while that has them, which costs nothing, and then from the log.
 */
import { endOf } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import type { ChannelLog, Followed, From } from "../ports.ts";
import { turns } from "../turns.ts";
import type { Recent } from "./recent.ts";

export async function* batchesFrom(
  { log, recent }: { readonly log: ChannelLog; readonly recent: Recent },
  channel: ChannelId,
  from: From,
  signal: AbortSignal,
  until?: "present",
): AsyncGenerator<Followed, void, void> {
  let rest = from;
  while (rest.kind === "after" && !signal.aborted) {
    const batch = recent.next(channel, rest.position);
    if (batch === undefined) break;
    rest = { kind: "after", position: endOf(batch) };
    yield batch;
    if (turns.isOver) await turns.next(channel);
  }
  for await (const batch of log.follow(channel, rest, signal, until)) {
    yield batch;
    if (turns.isOver) await turns.next(channel);
  }
}
