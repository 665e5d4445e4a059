/**
 * The records of the Store as they are written. Their keys are in `core/records/record-keys.ts`, the checks on reading
 * in `record-checks.ts`.
 */

import type { ChannelId, DrainId, DrainToken, Token } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import type { DrainFieldsRecord } from "../core/records/drain-fields.ts";

/** An app. `name` is unique; `id` is its channel. Times are ISO 8601 in UTC, whole seconds. */
export type AppRecord = {
  readonly id: ChannelId;
  readonly name: string;
  /** The generation that Heroku's tools see; absent: `cedar`. */
  readonly generation?: "fir";
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Set while the app is being destroyed: nobody sees it any more, and whoever comes across it finishes the work. */
  readonly destroying?: true;
};

/** An API key, at `key/SHA256HEX` of its secret, which is not stored. */
export type KeyRecord = {
  /** A UUID. */
  readonly id: string;
  readonly apps: "all" | readonly ChannelId[];
  readonly readOnly: boolean;
  readonly description: string;
  readonly createdAt: string;
  /** Absent if it was never changed. */
  readonly updatedAt?: string;
  /** When the key expires; absent if never. */
  readonly expiresAt?: string;
};

/** At `key-id/ID`: the hash of the key with that id. Written before the key's record. */
export type KeyPointer = { readonly hash: string };

/** A signed-in browser, at `web-session/SHA256HEX` of the secret in its cookie. */
export type WebSessionRecord = {
  /** SHA-256 in hex of the key that it signed in with. */
  readonly keyHash: string;
  readonly createdAt: string;
  readonly expiresAt: string;
};

/** The right to write to `channel` as `source`. The app's managers can see it, so it is stored as it is. */
export type TokenRecord = {
  readonly token: Token;
  readonly channel: ChannelId;
  readonly source: string;
  readonly createdAt: string;
} & TokenMarks;

/** The sender's own names that are kept, in addition to the token's. */
export type TokenMarks = {
  /** The host, in front of PROCID. */
  readonly keepHostname?: true;
  /** APPNAME or tag as the source, if it is valid as one. */
  readonly keepSource?: true;
};

/**
 * A drain: what its owner chose, and what it is. Only control nodes write it; the worker's side is `DrainCheckpoint`.
 */
export type DrainRecord = DrainFieldsRecord & {
  readonly id: DrainId;
  /** The decimal id in the v3 API. */
  readonly number: number;
  readonly token: DrainToken;
  readonly channel: ChannelId;
  /** As it was given, including userinfo; absent while only reserved. */
  readonly url?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The drain starts after this line of the channel. */
  readonly start: { readonly position: Position; readonly line: number };
  readonly paused: boolean;
  /** Set by the telemetry API: the endpoint and signals as they were given. */
  readonly telemetry?: { readonly endpoint: string; readonly signals: readonly string[] };
  /** The add-on that owns it, and with which it is removed. */
  readonly addon?: { readonly id: string; readonly name: string };
  /** The newest replay that was requested; `id` distinguishes it from others. */
  readonly replay?: { readonly id: string; readonly sinceMs: number };
};

/** The result of a drain's newest test line. Only control nodes write it, at `drain-test/ID`. */
export type DrainTest = {
  readonly at: string;
  readonly kind: "delivered" | "retry" | "split" | "refused";
  readonly reason?: string;
  /** Says that the destination's certificate expires soon. */
  readonly expiring?: string;
};

/**
 * At `channel-drain/CHANNEL`: the app's drains. One record, so that the limit and the uniqueness of URLs hold even if
 * other nodes write at the same time. A claim is made before its drain's record is written, and dropped after that is
 * removed.
 */
export type DrainClaims = {
  readonly claims: readonly DrainClaim[];
};
export type DrainClaim = {
  readonly id: DrainId;
  /** In the form in which URLs are compared; absent while only reserved. */
  readonly url?: string;
  readonly atMs: number;
};
