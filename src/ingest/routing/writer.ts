/** Decides who may write where, by the `Authorization` of `POST /logs`: docs/spec/wire-in.md#w3-3. */
import type { IncomingMessage } from "node:http";
import { AppError } from "../../errors/app-error.ts";
import { ingestForbidden, ingestUnauthorized } from "../../errors/ingest.ts";
import type { TokenRecord } from "../../registry/records.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";
import type { TokenLookup } from "./router.ts";

/** Ingest's view of the registry of API keys. */
export type KeyLookup = {
  authenticate(
    secret: string,
  ): Promise<
    | { readonly keyId: string; readonly apps: "all" | ReadonlySet<string>; readonly readOnly: boolean }
    | undefined
  >;
};

/** The holder of a token writes to its channel, the holder of a key to the channel that each frame names. */
export type Writer =
  | { readonly kind: "token"; readonly record: TokenRecord }
  | { readonly kind: "any_channel"; readonly keyId: string };

type Doors = {
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly faults: Pick<SenderFaults, "note">;
};

/** As `writerOf`; a request that may not write is also counted among the faults of senders. */
export function writerFor(
  { headers, socket }: IncomingMessage,
  { tokens, keys, faults }: Doors,
): Writer | Promise<Writer> {
  const refused = (failure: unknown): never => {
    if (failure instanceof AppError && failure.status < 500)
      faults.note(socket.remoteAddress, "not_admitted");
    throw failure;
  };
  try {
    const writer = writerOf(headers.authorization, tokens, keys);
    return writer instanceof Promise ? writer.catch(refused) : writer;
  } catch (failure) {
    return refused(failure);
  }
}

const base64Form = /^[A-Za-z0-9+/]+={0,2}$/;
const bearerForm = /^Bearer +([\x21-\x7e]+)$/i;

/**
 * Throws or rejects with 401 or 403; returns at once for a known token. `Basic` is compared to the letter, as logplex
 * does; `Bearer` brings a token or a key as it is (RFC 6750).
 */
export function writerOf(
  authorization: string | undefined,
  tokens: TokenLookup,
  keys: KeyLookup,
): Writer | Promise<Writer> {
  if (authorization === undefined) throw ingestUnauthorized();
  if (!authorization.startsWith("Basic ")) {
    const bearer = bearerForm.exec(authorization)?.[1];
    if (bearer === undefined) throw ingestUnauthorized();
    return bearer.startsWith("t.") ? ofToken(bearer, tokens) : ofKey(bearer, keys);
  }
  const encoded = authorization.slice("Basic ".length);
  if (!base64Form.test(encoded)) throw ingestUnauthorized();
  const userinfo = Buffer.from(encoded, "base64").toString();
  const colon = userinfo.indexOf(":");
  if (colon === -1) throw ingestUnauthorized();
  const secret = userinfo.slice(colon + 1);
  return userinfo.slice(0, colon) === "token" ? ofToken(secret, tokens) : ofKey(secret, keys);
}

function ofToken(secret: string, tokens: TokenLookup): Writer | Promise<Writer> {
  const known = tokens.peek(secret);
  return known === undefined ? tokens.find(secret).then(holderOf) : holderOf(known);
}

function holderOf(record: TokenRecord | null | undefined): Writer {
  if (record === null || record === undefined) throw ingestUnauthorized();
  return { kind: "token", record };
}

async function ofKey(secret: string, keys: KeyLookup): Promise<Writer> {
  const principal = await keys.authenticate(secret);
  if (principal === undefined) throw ingestUnauthorized();
  if (principal.apps !== "all" || principal.readOnly) throw ingestForbidden();
  return { kind: "any_channel", keyId: principal.keyId };
}
