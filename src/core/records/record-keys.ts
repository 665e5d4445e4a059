/**
 * The keys of the Store's records, each kind under a prefix of its own: they are made only here. The engines' own
 * records (`head`, and two settings) are kept separately, and never mix with these.
 */
import type { ChannelId, DrainId } from "../ids.ts";

/** Each kind's keys begin with its prefix. A setting is one record, so its prefix is its key. */
export const recordPrefixes = {
  app: "app/",
  appName: "app-name/",
  token: "token/",
  tokenClaims: "channel-token/",
  key: "key/",
  keyPointer: "key-id/",
  keyClaims: "setting/keys",
  webSession: "web-session/",
  drain: "drain/",
  drainClaims: "channel-drain/",
  drainCheckpoint: "drain-state/",
  drainSheet: "drain-sheet/",
  drainTest: "drain-test/",
  drainNumber: "setting/drain-number",
  platform: "platform/",
  runner: "runner/",
  addons: "addons/",
  addonName: "addon-name/",
  sessionSecret: "setting/session-secret",
  readyCheck: "setting/ready-check",
  leases: "lease/",
  leaseNode: "lease/node/",
  leaseShard: "lease/shard/",
  channelEnd: "head/",
  logShards: "setting/shards",
  logId: "setting/log-id",
} as const;

export type RecordKind = keyof typeof recordPrefixes;

const { app, appName, token, tokenClaims, key, keyPointer, leaseNode, leaseShard } = recordPrefixes;
const { drain, drainClaims, drainCheckpoint, drainSheet, drainTest } = recordPrefixes;
const { channelEnd, platform, runner, addons, addonName, webSession } = recordPrefixes;

export const appKey = (id: ChannelId): string => app + id;
export const appNameKey = (name: string): string => appName + name;
/** `hash`: SHA-256 of the token in hex; the same for API keys. */
export const tokenKey = (hash: string): string => token + hash;
export const tokenClaimsKey = (channel: ChannelId): string => tokenClaims + channel;
export const apiKeyKey = (hash: string): string => key + hash;
export const apiKeyPointerKey = (id: string): string => keyPointer + id;
/** `hash`: SHA-256 of the browser's secret in hex. */
export const webSessionKey = (hash: string): string => webSession + hash;
export const drainKey = (id: DrainId): string => drain + id;
export const drainClaimsKey = (channel: ChannelId): string => drainClaims + channel;
export const checkpointKey = (id: string): string => drainCheckpoint + id;
/** `name`: the shard of the drains, and the sheet's own name. */
export const sheetKey = (name: string): string => drainSheet + name;
export const drainTestKey = (id: DrainId): string => drainTest + id;
export const platformKey = (channel: ChannelId): string => platform + channel;
export const runnerKey = (channel: ChannelId): string => runner + channel;
export const addonsKey = (channel: ChannelId): string => addons + channel;
export const addonNameKey = (name: string): string => addonName + name;
export const leaseNodeKey = (node: string): string => leaseNode + node;
export const leaseShardKey = (shard: number): string => leaseShard + shard;
export const channelEndKey = (channel: ChannelId): string => channelEnd + channel;

/** The part of a record's key after the prefix of its kind. */
export const nameIn = (kind: RecordKind, key: string): string => key.slice(recordPrefixes[kind].length);

/** The longest first. A prefix without a slash at its end is a whole key. */
const kindsByPrefix = (Object.entries(recordPrefixes) as [RecordKind, string][])
  .map(([kind, prefix]) => ({ kind, prefix, isKey: !prefix.endsWith("/") }))
  .sort((one, other) => other.prefix.length - one.prefix.length);

/** The kind of the record at `key`, by the longest prefix. Undefined for a key that is not ours. */
export function kindOf(key: string): RecordKind | undefined {
  for (const { kind, prefix, isKey } of kindsByPrefix)
    if (isKey ? key === prefix : key.startsWith(prefix)) return kind;
  return undefined;
}
