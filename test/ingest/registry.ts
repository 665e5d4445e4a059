/** Tokens and keys as ingest sees them, without a store: the first look at a token always has to be a `find`. */
import type { ChannelId, Token } from "../../src/core/ids.ts";
import type { Loops, TokenLookup } from "../../src/ingest/routing/router.ts";
import type { KeyLookup } from "../../src/ingest/routing/writer.ts";
import type { TokenRecord } from "../../src/registry/records.ts";

export const channelOf = (number: number) =>
  `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as ChannelId;
export const tokenOf = (number: number) =>
  `t.00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as Token;

export class FakeTokens implements TokenLookup {
  readonly records = new Map<string, TokenRecord>();
  /** While set, `find` rejects with it. */
  failure: unknown;
  finds = 0;
  peeks = 0;
  version = 0;
  readonly #known = new Map<string, TokenRecord | null>();

  add(token: Token, channel: ChannelId, source = "app"): void {
    this.records.set(token, { token, channel, source, createdAt: "2026-01-02T03:04:05Z" });
  }

  revoke(token: Token): void {
    this.version++;
    this.records.delete(token);
    this.#known.set(token, null);
  }

  /** As a change of the registry does. */
  forget(): void {
    this.version++;
    this.#known.clear();
  }

  peek(token: string): TokenRecord | null | undefined {
    this.peeks++;
    return this.#known.get(token);
  }

  async find(token: string): Promise<TokenRecord | undefined> {
    this.finds++;
    if (this.failure !== undefined) throw this.failure;
    const record = this.records.get(token);
    this.#known.set(token, record ?? null);
    return record;
  }
}

export const fakeKeys: KeyLookup = {
  async authenticate(secret) {
    if (secret === "everything") return { keyId: "key-1", apps: "all", readOnly: false };
    if (secret === "reader") return { keyId: "key-2", apps: "all", readOnly: true };
    if (secret === "one-app") return { keyId: "key-3", apps: new Set([channelOf(1)]), readOnly: false };
    return undefined;
  },
};

/** For ingest that has no drains, and tells nobody of faults. */
/** A log of the server that nobody reads. */
export const silent = { info: () => {}, warn: () => {}, error: () => {} };

export const alone: { readonly loops: Loops; readonly faults: { note(): void } } = {
  loops: { isOurs: () => false, refused: () => {} },
  faults: { note: () => {} },
};
