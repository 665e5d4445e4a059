/**
 * The records of the Store, as they are written. `core/records/record-keys.ts` has their keys, `record-checks.ts` the checks
 * when they are read.
 */

import type { ChannelId, DrainId, DrainToken, Token } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import type { DrainFieldsRecord } from "../core/records/drain-fields.ts";

/** An app. `name` is unique; `id` is its channel. Times are ISO 8601 in UTC, whole seconds. */
export type AppRecord = {
  readonly id: ChannelId;
  readonly name: string;
  /** The generation that Heroku's tools take it for; absent: `cedar`. */
  readonly generation?: "fir";
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Set while the app is being destroyed: it is gone for everybody, and whoever sees it finishes the work. */
  readonly destroying?: true;
};

/** An API key, at `key/SHA256HEX` of its secret, which is kept nowhere. */
export type KeyRecord = {
  /** UUID. */
  readonly id: string;
  readonly apps: "all" | readonly ChannelId[];
  readonly readOnly: boolean;
  readonly description: string;
  readonly createdAt: string;
  /** Absent when it was never changed. */
  readonly updatedAt?: string;
  /** The key is nobody's from then on; absent when it never expires. */
  readonly expiresAt?: string;
};

/** At `key-id/ID`: the hash of the key with that id. Written before the key's record. */
export type KeyPointer = { readonly hash: string };

/** A browser that is signed in, at `web-session/SHA256HEX` of what its cookie holds. */
export type WebSessionRecord = {
  /** SHA-256 in hex of the key that it signed in with. */
  readonly keyHash: string;
  readonly createdAt: string;
  readonly expiresAt: string;
};

/** The right to write to `channel` as `source`. Shown to the app's managers, so kept as it is. */
export type TokenRecord = {
  readonly token: Token;
  readonly channel: ChannelId;
  readonly source: string;
  readonly createdAt: string;
} & TokenMarks;

/** The names of a sender that are kept, beside the token's. */
export type TokenMarks = {
  /** The host, before PROCID. */
  readonly keepHostname?: true;
  /** APPNAME or tag as the source, where it can be one. */
  readonly keepSource?: true;
};

/** A drain: what its owner chose, and what it is. Written by control nodes alone; the worker's side is `DrainCheckpoint`. */
export type DrainRecord = DrainFieldsRecord & {
  readonly id: DrainId;
  /** The v3 API's decimal id. */
  readonly number: number;
  readonly token: DrainToken;
  readonly channel: ChannelId;
  /** As given, userinfo included; absent while only reserved. */
  readonly url?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The start of the drain: behind this line of the channel. */
  readonly start: { readonly position: Position; readonly line: number };
  readonly paused: boolean;
  /** Set by the telemetry API: the endpoint and signals as they were given. */
  readonly telemetry?: { readonly endpoint: string; readonly signals: readonly string[] };
  /** The add-on that owns it: it goes with that. */
  readonly addon?: { readonly id: string; readonly name: string };
  /** The newest replay that was asked for; `id` tells two of them apart. */
  readonly replay?: { readonly id: string; readonly sinceMs: number };
};

/** The result of the newest test line over a drain. Written by control nodes alone, at `drain-test/ID`. */
export type DrainTest = {
  readonly at: string;
  readonly kind: "delivered" | "retry" | "split" | "refused";
  readonly reason?: string;
  /** The destination's certificate ends soon, in words. */
  readonly expiring?: string;
};

/**
 * At `channel-drain/CHANNEL`: the app's drains. One record, so that the limit and the uniqueness of URLs hold
 * whatever happens at the same time on other nodes. A claim comes before its drain's record and goes after it.
 */
export type DrainClaims = {
  readonly claims: readonly DrainClaim[];
};
export type DrainClaim = {
  readonly id: DrainId;
  /** In the form that URLs are compared by; absent while only reserved. */
  readonly url?: string;
  readonly atMs: number;
};
