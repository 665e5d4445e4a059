/** An engine: the options that all engines share, and the ports that they provide. */
import type { ChannelLog, Store } from "../ports.ts";

/** Bounds of the log. Each may be `Infinity`. A channel's own limits never remove its newest batch. */
export type Retention = {
  readonly ageMsMax: number;
  readonly channelBytesMax: number;
  readonly channelLinesMax: number;
  /** Bytes of all channels together. */
  readonly totalBytesMax: number;
};

/** An open engine: one log, one store; `close` closes both. */
export type Engine = { readonly log: ChannelLog; readonly store: Store; close(): Promise<void> };

/** An append whose dedup id was stored less than this ago stores nothing. */
export const dedupMs = 10 * 60_000;

const keyForm = /^[A-Za-z0-9_=.-]+(\/[A-Za-z0-9_=.-]+)*$/;

/** True for a key that every engine can store. */
export const isStoreKey = (key: string): boolean => key.length <= 255 && keyForm.test(key);

/** Largest JSON text of a record. */
export const valueBytesMax = 512 * 1024;
