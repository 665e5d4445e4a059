/**
 * OAuth for the providers of add-ons: the code in a provision request is exchanged once for an access token of that one
 * add-on, which its refresh token renews. All three name their app and add-on, so that they are found without a search,
 * and are kept as hashes in the add-on's record, with which they end.
 */
import { randomBytes } from "node:crypto";
import { type ChannelId, isUuid } from "../core/ids.ts";
import { addonsKey } from "../core/records/record-keys.ts";
import { oauthRefused } from "../errors/addons.ts";
import type { Clock, Store } from "../ports.ts";
import type { AddonRecord, AddonsRecord } from "../registry/platform/addon-records.ts";
import { hashOf, isSameSecret } from "../registry/secrets.ts";
import { updateRecord } from "../registry/update.ts";
import type { Manifest } from "./manifest.ts";

/** Heroku's value. */
export const grantSeconds = 300;
export const accessSeconds = 28_800;
/** The most valid access tokens of an add-on: a newer one ends the oldest. */
export const accessTokensMax = 4;

type IssuedTokens = { readonly access: string; readonly refresh: string };
type Grant = { readonly code: string; readonly expiresAtMs: number };

type Kind = "grant" | "access" | "refresh";
type Holder = { readonly channel: ChannelId; readonly addon: AddonRecord };
type GrantsOptions = {
  readonly store: Store;
  readonly clock: Pick<Clock, "nowMs">;
  readonly manifests: ReadonlyMap<string, Manifest>;
};

export class Grants {
  readonly #options: GrantsOptions;

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  /** A code for a new add-on's provider, and the part of the record that holds its hash. */
  issue(
    channel: ChannelId,
    id: string,
  ): { readonly grant: Grant; readonly record: Pick<AddonRecord, "grant"> } {
    const code = newSecret("grant", channel, id);
    const expiresAtMs = this.#options.clock.nowMs() + grantSeconds * 1000;
    return {
      grant: { code, expiresAtMs },
      record: { grant: { hash: hashOf(code), untilMs: expiresAtMs } },
    };
  }

  /** Tokens for a code that has not been used yet; throws `oauthRefused`. */
  async exchange(code: string, clientSecret: string): Promise<IssuedTokens> {
    const refresh = (channel: ChannelId, id: string) => newSecret("refresh", channel, id);
    return this.#renew("grant", code, clientSecret, refresh);
  }

  /** A new access token; the refresh token stays the same. */
  async refresh(token: string, clientSecret: string): Promise<IssuedTokens> {
    return this.#renew("refresh", token, clientSecret, () => token);
  }

  /** The add-on whose provider has this access token. */
  async holderOf(token: string): Promise<Holder | undefined> {
    const holder = await this.#find("access", token);
    const hash = hashOf(token);
    const nowMs = this.#options.clock.nowMs();
    const isGood = holder?.addon.access?.some((one) => one.untilMs > nowMs && isSameSecret(one.hash, hash));
    return isGood ? holder : undefined;
  }

  async #renew(
    kind: "grant" | "refresh",
    secret: string,
    clientSecret: string,
    refreshOf: (channel: ChannelId, id: string) => string,
  ): Promise<IssuedTokens> {
    const holder = await this.#find(kind, secret);
    const manifest = holder && this.#options.manifests.get(holder.addon.service);
    if (holder === undefined || manifest === undefined || !isSameSecret(clientSecret, manifest.clientSecret))
      throw oauthRefused();
    const { channel, addon } = holder;
    const access = newSecret("access", channel, addon.id);
    const refresh = refreshOf(channel, addon.id);
    const nowMs = this.#options.clock.nowMs();
    await updateRecord<AddonsRecord>(this.#options.store, addonsKey(channel), (found) => {
      const now = found?.addons.find(({ id }) => id === addon.id);
      if (now === undefined || !isGood(now, kind, secret, nowMs)) throw oauthRefused(); // used or expired since
      const { grant: _, ...rest } = now;
      const held = (now.access ?? []).filter(({ untilMs }) => untilMs > nowMs);
      const made = { hash: hashOf(access), untilMs: nowMs + accessSeconds * 1000 };
      const next = {
        ...rest,
        access: [...held, made].slice(-accessTokensMax),
        refreshHash: hashOf(refresh),
      };
      return { addons: found!.addons.map((one) => (one.id === addon.id ? next : one)) };
    });
    return { access, refresh };
  }

  async #find(kind: Kind, secret: string): Promise<Holder | undefined> {
    const [, channel, id] = forms[kind].exec(secret) ?? [];
    if (channel === undefined || id === undefined || !isUuid(channel)) return undefined;
    const found = await this.#options.store.get<AddonsRecord>(addonsKey(channel as ChannelId));
    const addon = found?.value.addons.find((one) => one.id === id);
    return addon && { channel: channel as ChannelId, addon };
  }
}

function isGood(addon: AddonRecord, kind: "grant" | "refresh", secret: string, nowMs: number): boolean {
  const hash = hashOf(secret);
  if (kind === "refresh") return addon.refreshHash !== undefined && isSameSecret(addon.refreshHash, hash);
  return addon.grant !== undefined && addon.grant.untilMs > nowMs && isSameSecret(addon.grant.hash, hash);
}

/** 256 random bits, after a prefix that secret scanners can look for, an app and an add-on. */
const newSecret = (kind: Kind, channel: ChannelId, id: string): string =>
  `${marks[kind]}_${channel}.${id}.${randomBytes(32).toString("base64url")}`;

const marks: Readonly<Record<Kind, string>> = { grant: "trg", access: "tra", refresh: "trr" };
const formOf = (kind: Kind): RegExp =>
  new RegExp(`^${marks[kind]}_([0-9a-f-]{36})\\.([0-9a-f-]{36})\\.[\\w-]{43}$`);
const forms: Readonly<Record<Kind, RegExp>> = {
  grant: formOf("grant"),
  access: formOf("access"),
  refresh: formOf("refresh"),
};
