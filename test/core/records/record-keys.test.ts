/** Every key of a record is of one kind, and gives back the name that it was made with. */
import { expect, test } from "vitest";
import type { ChannelId, DrainId } from "../../../src/core/ids.ts";
import * as keys from "../../../src/core/records/record-keys.ts";

const id = "11111111-1111-4111-8111-111111111111";
const channel = id as ChannelId;
const made: readonly (readonly [keys.RecordKind, string, string])[] = [
  ["app", keys.appKey(channel), id],
  ["appName", keys.appNameKey("todo"), "todo"],
  ["token", keys.tokenKey("ab12"), "ab12"],
  ["tokenClaims", keys.tokenClaimsKey(channel), id],
  ["key", keys.apiKeyKey("ab12"), "ab12"],
  ["keyPointer", keys.apiKeyPointerKey(id), id],
  ["keyClaims", keys.recordPrefixes.keyClaims, ""],
  ["webSession", keys.webSessionKey("ab12"), "ab12"],
  ["drain", keys.drainKey(id as DrainId), id],
  ["drainClaims", keys.drainClaimsKey(channel), id],
  ["drainCheckpoint", keys.checkpointKey(id), id],
  ["drainSheet", keys.sheetKey("3/ab12"), "3/ab12"],
  ["drainTest", keys.drainTestKey(id as DrainId), id],
  ["drainNumber", keys.recordPrefixes.drainNumber, ""],
  ["platform", keys.platformKey(channel), id],
  ["runner", keys.runnerKey(channel), id],
  ["addons", keys.addonsKey(channel), id],
  ["addonName", keys.addonNameKey("redis-1"), "redis-1"],
  ["sessionSecret", keys.recordPrefixes.sessionSecret, ""],
  ["readyCheck", keys.recordPrefixes.readyCheck, ""],
  ["leases", "lease/other", "other"],
  ["leaseNode", keys.leaseNodeKey("node-1"), "node-1"],
  ["leaseShard", keys.leaseShardKey(3), "3"],
  ["channelEnd", keys.channelEndKey(channel), id],
  ["logShards", keys.recordPrefixes.logShards, ""],
  ["logId", keys.recordPrefixes.logId, ""],
];

test("each kind has its keys, and they are kept for all time: earlier versions wrote them", () => {
  expect(made.map(([kind]) => kind)).toEqual(Object.keys(keys.recordPrefixes));
  for (const [kind, key, name] of made) {
    expect(keys.kindOf(key)).toBe(kind);
    expect(keys.nameIn(kind, key)).toBe(name);
    expect(key).toMatch(/^[A-Za-z0-9_=.-]+(\/[A-Za-z0-9_=.-]+)+$/);
  }
  expect(made.map(([, key]) => key.replace(id, "ID"))).toMatchInlineSnapshot(`
    [
      "app/ID",
      "app-name/todo",
      "token/ab12",
      "channel-token/ID",
      "key/ab12",
      "key-id/ID",
      "setting/keys",
      "web-session/ab12",
      "drain/ID",
      "channel-drain/ID",
      "drain-state/ID",
      "drain-sheet/3/ab12",
      "drain-test/ID",
      "setting/drain-number",
      "platform/ID",
      "runner/ID",
      "addons/ID",
      "addon-name/redis-1",
      "setting/session-secret",
      "setting/ready-check",
      "lease/other",
      "lease/node/node-1",
      "lease/shard/3",
      "head/ID",
      "setting/shards",
      "setting/log-id",
    ]
  `);
});

test.each(["other/1", "setting/keys2", "apps/1", ""])("%j is of no kind", (key) =>
  expect(keys.kindOf(key)).toBeUndefined(),
);
