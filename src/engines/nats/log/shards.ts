/**
 * Finds a channel's place. Shard s is one stream over `log.s.*`, republished to `live.s.*`; a channel belongs to
 * shard `hash(channel) mod S`. S is fixed when the cluster is first used.
 */
import { fnv1a } from "../../../core/hash.ts";
import type { ChannelId } from "../../../core/ids.ts";

/** A channel's stream and its two subjects. */
export type Place = {
  readonly shard: number;
  readonly stream: string;
  readonly log: string;
  readonly live: string;
};

/** The subjects of all shards. */
export const logSubjects = "log.>";

/** The stream of a shard. */
export const streamOf = (shard: number): string => `tailrace-log-${shard}`;

/** The place of a channel among `shards` shards. */
export function placeOf(channel: ChannelId, shards: number): Place {
  const shard = fnv1a(channel) % shards;
  return { shard, stream: streamOf(shard), log: `log.${shard}.${channel}`, live: `live.${shard}.${channel}` };
}
