/** Branded ids, so that a token cannot pass for a channel, and their makers. */
import { randomBytes, randomUUID } from "node:crypto";

type Brand<Name extends string> = string & { readonly __brand: Name };

/** One app's log: the app's UUID in lower case. */
export type ChannelId = Brand<"channel">;
/** `t.UUID`: the right to write to one channel under one source name. */
export type Token = Brand<"token">;
/** UUID of a drain. */
export type DrainId = Brand<"drain">;
/** `d.UUID`: what a destination knows a drain by. */
export type DrainToken = Brand<"drain token">;
/** One start of one ingest process; it numbers its lines for each channel. At most 32 ASCII characters. */
export type ProducerId = Brand<"producer">;

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a UUID in lower case with dashes, any version. */
export const isUuid = (text: string): boolean => uuidForm.test(text);

/** A new channel id, which is the new app's id. */
export const newChannelId = (): ChannelId => randomUUID() as ChannelId;
/** A new ingest token. */
export const newToken = (): Token => `t.${randomUUID()}` as Token;
/** A new drain id. */
export const newDrainId = (): DrainId => randomUUID() as DrainId;
/** A new drain token. */
export const newDrainToken = (): DrainToken => `d.${randomUUID()}` as DrainToken;
/** A new producer id: 12 base64url characters. */
export const newProducerId = (): ProducerId => randomBytes(9).toString("base64url") as ProducerId;
