/**
 * Known tokens, by their bytes, so that no string is made for a line. What strangers send is never kept; the tokens that
 * are were made here at random, so nobody can choose some that fall together.
 */
import type { Token } from "../core/ids.ts";
import { tokenBytes } from "../core/token-mask.ts";
import type { TokenRecord } from "../registry/records.ts";

/** A token that frames named. `record` holds for the sorting that looked last. */
export type Route = {
  readonly name: Uint8Array;
  readonly token: Token;
  record: TokenRecord;
  sorting: number;
};

const none: readonly Route[] = [];

export class Routes {
  readonly #tokensMax: number;
  readonly #routes = new Map<number, readonly Route[]>();
  #newest: Route | undefined;
  #count = 0;

  /** At `tokensMax` all are forgotten; those still in use come back by themselves. */
  constructor(tokensMax: number) {
    this.#tokensMax = tokensMax;
  }

  /** The route of the token at `start`; undefined when it is not remembered. */
  find(bytes: Uint8Array, start: number): Route | undefined {
    const newest = this.#newest;
    if (newest !== undefined && isEqual(newest.name, bytes, start)) return newest;
    for (const route of this.#routes.get(hashOf(bytes, start)) ?? none) {
      if (!isEqual(route.name, bytes, start)) continue;
      this.#newest = route;
      return route;
    }
    return undefined;
  }

  /** Remembers the known token at `start`. */
  keep(bytes: Uint8Array, start: number, record: TokenRecord, sorting: number): void {
    if (this.#count >= this.#tokensMax) {
      this.#routes.clear();
      this.#count = 0;
    }
    const name = Buffer.allocUnsafeSlow(tokenBytes); // of its own: a name in the pool would hold 64 KiB
    name.set(bytes.subarray(start, start + tokenBytes));
    const route: Route = { name, token: name.toString("latin1") as Token, record, sorting };
    const hash = hashOf(name, 0);
    this.#routes.set(hash, [...(this.#routes.get(hash) ?? none), route]);
    this.#count++;
    this.#newest = route;
  }

  /** For a token that was revoked. */
  forget(route: Route): void {
    const hash = hashOf(route.name, 0);
    const before = this.#routes.get(hash) ?? none;
    const left = before.filter((other) => other !== route);
    if (left.length === 0) this.#routes.delete(hash);
    else this.#routes.set(hash, left);
    this.#count -= before.length - left.length;
    this.#newest = undefined;
  }
}

// The last eight digits of a token are random bits already.
function hashOf(bytes: Uint8Array, start: number): number {
  let hash = 0;
  for (let at = start + tokenBytes - 8; at < start + tokenBytes; at++)
    hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return hash;
}

function isEqual(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = tokenBytes - 1; i >= 0; i--) if (name[i] !== bytes[start + i]) return false;
  return true;
}
