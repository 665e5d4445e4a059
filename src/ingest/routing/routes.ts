/**
 * Known tokens by the bytes of either spelling, so that no string is made for a line. Tokens that do not exist are
 * never kept. Those that do were made here at random, so nobody can choose tokens that collide.
 */
import type { Token } from "../../core/ids.ts";
import { shortTokenBytes, tokenBytes, tokenOfSpelling } from "../../core/secrets/token-mask.ts";
import type { TokenRecord } from "../../registry/records.ts";

/**
 * A token that frames named. `record` is valid in the sorting that looked it up, and while the registry stays at
 * `version`.
 */
export type Route = {
  readonly name: Uint8Array;
  readonly token: Token;
  record: TokenRecord;
  sorting: number;
  version: number;
};

const none: readonly Route[] = [];

export class Routes {
  readonly #tokensMax: number;
  readonly #routes = new Map<number, readonly Route[]>();
  #newest: Route | undefined;
  #count = 0;

  /** At `tokensMax` all routes are forgotten; tokens that are still in use come back by themselves. */
  constructor(tokensMax: number) {
    this.#tokensMax = tokensMax;
  }

  /** The route of the token [start, end), or undefined when it is not remembered. */
  find(bytes: Uint8Array, start: number, end: number): Route | undefined {
    const newest = this.#newest;
    if (newest !== undefined && isEqual(newest.name, bytes, start, end)) return newest;
    for (const route of this.#routes.get(hashOf(bytes, end)) ?? none) {
      if (!isEqual(route.name, bytes, start, end)) continue;
      this.#newest = route;
      return route;
    }
    return undefined;
  }

  /** Remembers the known token [start, end). */
  keep(
    bytes: Uint8Array,
    start: number,
    end: number,
    record: TokenRecord,
    sorting: number,
    version: number,
  ): Route {
    if (this.#count >= this.#tokensMax) {
      this.#routes.clear();
      this.#count = 0;
    }
    const name = Buffer.allocUnsafeSlow(end - start); // of its own: a slice of the pool would keep 64 KiB alive
    name.set(bytes.subarray(start, end));
    const token = tokenOfSpelling(name.toString("latin1")) as Token;
    const route: Route = { name, token, record, sorting, version };
    const hash = hashOf(name, name.length);
    this.#routes.set(hash, [...(this.#routes.get(hash) ?? none), route]);
    this.#count++;
    this.#newest = route;
    return route;
  }

  /** For a token that was revoked. */
  forget(route: Route): void {
    const hash = hashOf(route.name, route.name.length);
    const before = this.#routes.get(hash) ?? none;
    const left = before.filter((other) => other !== route);
    if (left.length === 0) this.#routes.delete(hash);
    else this.#routes.set(hash, left);
    this.#count -= before.length - left.length;
    this.#newest = undefined;
  }
}

/** True when [start, end) has the length of a token in either spelling. */
export const isTokenLong = (start: number, end: number): boolean =>
  end - start === tokenBytes || end - start === shortTokenBytes;

// The last eight digits of a token are random bits already.
function hashOf(bytes: Uint8Array, end: number): number {
  let hash = 0;
  for (let at = end - 8; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return hash;
}

// Tokens are secrets. The time that a comparison takes reveals at most the last digit, where most tokens differ.
function isEqual(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = name;
  if (end - start !== length || name[length - 1] !== bytes[end - 1]) return false;
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= name[i]! ^ bytes[start + i]!;
  return difference === 0;
}
