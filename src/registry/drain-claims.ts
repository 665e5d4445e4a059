/**
 * The claims of an app's drains, one record for each app: they bound the number of drains and keep URLs unique,
 * however many are added at once. A claim is made before its drain is written.
 */
import type { ChannelId, DrainId } from "../core/ids.ts";
import { drainClaimsKey, drainKey } from "../core/records/record-keys.ts";
import { drainLimit, drainRepeated } from "../errors/api.ts";
import type { Clock, Store } from "../ports.ts";
import { unreadableIn } from "./checked-store.ts";
import type { DrainClaim, DrainClaims, DrainRecord } from "./records.ts";
import { removeRecord, updateRecord } from "./update.ts";

/** Drains with a URL per app (docs/spec/apis.md#p3-5). */
export const drainsMax = 6;
/** Reserved drains per app, which deliver nothing and are not listed. */
export const reservedMax = 50;

/** A claim of this age without a record, or whose record has another URL, is left from a crash. */
const claimMsMax = 60_000;

export class DrainClaimLists {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  async list(channel: ChannelId): Promise<readonly DrainClaim[]> {
    return (await this.#store.get<DrainClaims>(drainClaimsKey(channel)))?.value.claims ?? [];
  }

  /** The claim with that id, or that URL. */
  async find(channel: ChannelId, idOrUrl: string): Promise<DrainClaim | undefined> {
    const url = comparable(idOrUrl);
    return (await this.list(channel)).find((claim) => claim.id === idOrUrl || claim.url === url);
  }

  /** Claims the URL (or a reservation) for drain `id`, if the app's other drains leave room for it. */
  async take(channel: ChannelId, id: DrainId, url: string | undefined): Promise<void> {
    const claim: DrainClaim = {
      id,
      atMs: this.#clock.nowMs(),
      ...(url !== undefined && { url: comparable(url) }),
    };
    await this.#change(channel, async (claims) => {
      const others = await this.#settled(claims.filter((other) => other.id !== id));
      const same = url === undefined ? undefined : others.find((other) => other.url === claim.url);
      if (same !== undefined) throw drainRepeated(same.id);
      const alike = others.filter((other) => (other.url === undefined) === (url === undefined)).length;
      const max = url === undefined ? reservedMax : drainsMax;
      if (alike >= max) throw drainLimit(max);
      return [...others, claim];
    });
  }

  drop(channel: ChannelId, id: DrainId): Promise<void> {
    return this.#change(channel, (claims) => claims.filter((claim) => claim.id !== id));
  }

  dropAll(channel: ChannelId): Promise<void> {
    return removeRecord(this.#store, drainClaimsKey(channel));
  }

  // Updates old claims from their records, and drops those that a crash left.
  async #settled(claims: readonly DrainClaim[]): Promise<DrainClaim[]> {
    const oldMs = this.#clock.nowMs() - claimMsMax;
    const settled = await Promise.all(
      claims.map(async (claim): Promise<DrainClaim | undefined> => {
        if (claim.atMs > oldMs) return claim;
        const found = await this.#store.get<DrainRecord>(drainKey(claim.id)).catch((failure: unknown) => {
          if (unreadableIn(failure) === undefined) throw failure;
          return "unreadable" as const;
        });
        if (found === undefined) return undefined;
        if (found === "unreadable") return claim; // the drain exists
        const { url } = found.value;
        return { id: claim.id, atMs: claim.atMs, ...(url !== undefined && { url: comparable(url) }) };
      }),
    );
    return settled.filter((claim) => claim !== undefined);
  }

  async #change(
    channel: ChannelId,
    change: (claims: readonly DrainClaim[]) => readonly DrainClaim[] | Promise<readonly DrainClaim[]>,
  ): Promise<void> {
    await updateRecord<DrainClaims>(this.#store, drainClaimsKey(channel), async (found) => {
      const claims = await change(found?.claims ?? []);
      return found === undefined && claims.length === 0 ? undefined : { claims };
    });
  }
}

/** URLs are equal if they parse to the same (docs/spec/apis.md#p3-5). */
const comparable = (url: string): string => (URL.canParse(url) ? new URL(url).href : url);
