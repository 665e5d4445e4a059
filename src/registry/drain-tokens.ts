/**
 * The tokens of all drains, in memory, because an ingest node looks up each request and frame that names one. Costs
 * some hundred bytes per drain. While the watch of the Store is down, the last known tokens are used.
 */
import type { ChannelId, DrainToken } from "../core/ids.ts";
import { recordPrefixes } from "../core/records/record-keys.ts";
import type { Clock, Store } from "../ports.ts";
import { followRecords } from "./follow-records.ts";
import type { DrainRecord } from "./records.ts";

export class DrainTokens {
  /** By the key of the drain's record, since a record that was removed no longer has its token. */
  readonly #tokens = new Map<string, DrainToken>();
  readonly #channels = new Map<string, ChannelId>();
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;

  constructor(options: { readonly store: Store; readonly clock: Clock }) {
    let seen = new Set<string>();
    let isUp = false;
    this.#following = followRecords<DrainRecord>(options, recordPrefixes.drain, this.#stop.signal, {
      onUp: () => {
        for (const key of this.#tokens.keys()) if (!seen.has(key)) this.#follow(key, undefined);
        isUp = true;
      },
      onDown: () => {
        seen = new Set();
        isUp = false;
      },
      onRecord: ({ key, value }) => {
        if (!isUp) seen.add(key);
        this.#follow(key, value);
      },
    });
  }

  /** The app whose drain has this token; undefined when it is none of ours. */
  channelOf(token: string): ChannelId | undefined {
    return this.#channels.get(token);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#following;
  }

  #follow(key: string, record: DrainRecord | undefined): void {
    const before = this.#tokens.get(key);
    if (before !== undefined && before !== record?.token) this.#channels.delete(before);
    if (record === undefined) {
      this.#tokens.delete(key);
      return;
    }
    this.#tokens.set(key, record.token);
    this.#channels.set(record.token, record.channel);
  }
}
