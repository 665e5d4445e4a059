/**
 * Names a request for the log, so that it is stored once however often it is sent. The name is made of the sender's
 * id for it, the sender's credential, *and* the bytes: proxies pass on one id with many bodies, and the id alone
 * would lose all but the first behind a 204.
 */
import { createHash, hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { LRUCache } from "lru-cache";
import type { Steps } from "../../core/scheduling/steps.ts";
import type { Clock } from "../../ports.ts";

/** An id that comes with other bytes is reported for as long as the log remembers ids. */
const rememberedMs = 10 * 60_000;

/** Bodies are hashed in pieces of this size, a quarter of a millisecond each, with a pause after each. */
const pieceBytes = 256 * 1024;

/** A request that came with an id. */
export type NamedRequest = {
  /** Hash of the sender's id and credential. */
  readonly id: string;
  /** Hash of the body. */
  readonly digest: string;
};

export class RequestIds {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #seen: LRUCache<string, { readonly digest: string; readonly atMs: number }>;

  /** At `requestIdsMax` the id that has not been seen for longest is forgotten: only a warning depends on it. */
  constructor(options: { readonly clock: Pick<Clock, "nowMs">; readonly requestIdsMax: number }) {
    this.#clock = options.clock;
    this.#seen = new LRUCache({ max: options.requestIdsMax });
  }

  /** Names the request with this whole body; undefined when its sender gave no id. `writer`: the credential. */
  *name(headers: IncomingHttpHeaders, writer: string, body: Uint8Array): Steps<NamedRequest | undefined> {
    const given = headers["logplex-frame-id"] || headers["x-request-id"];
    if (typeof given !== "string" || given === "") return undefined;
    return { id: short(`${writer} ${given}`), digest: yield* digestOf(body) };
  }

  /** True when another body came under the same id recently. */
  isReused({ id, digest }: NamedRequest): boolean {
    const nowMs = this.#clock.nowMs();
    const before = this.#seen.get(id);
    this.#seen.set(id, { digest, atMs: nowMs });
    return before !== undefined && before.digest !== digest && nowMs - before.atMs < rememberedMs;
  }
}

/** The id by which the log recognises lines; `part` tells the batches of one request apart. */
export const dedupIdOf = ({ id, digest }: NamedRequest, part: string): string =>
  short(`${id} ${digest} ${part}`);

const digits = 22;
const short = (data: string | Uint8Array): string => hash("sha256", data, "base64url").slice(0, digits);

function* digestOf(body: Uint8Array): Steps<string> {
  if (body.length <= pieceBytes) return short(body);
  const hashing = createHash("sha256");
  for (let at = 0; at < body.length; at += pieceBytes) {
    hashing.update(body.subarray(at, at + pieceBytes));
    yield;
  }
  return hashing.digest("base64url").slice(0, digits);
}
