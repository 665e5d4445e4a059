/**
 * Add-ons of apps. Each is created at its provider, with a drain, a token and config vars of its own, and removed with
 * all of them. A half-made add-on is undone: at once when its provider refuses or does not answer, at the next start
 * after a crash.
 */
import { randomUUID } from "node:crypto";
import { type ChannelId, newDrainId, newToken } from "../core/ids.ts";
import { appKey } from "../core/records/record-keys.ts";
import { notFound } from "../errors/access.ts";
import {
  addonAnswerUnusable,
  addonConfigTaken,
  addonNameInvalid,
  addonNotDestroyed,
  addonOwnsConfig,
  addonOwnsToken,
  addonProviderFails,
  addonServiceUnknown,
} from "../errors/addons.ts";
import { AppError } from "../errors/app-error.ts";
import type { Clock, Store } from "../ports.ts";
import type { Drains } from "../registry/drains.ts";
import type { AddonRecord } from "../registry/platform/addon-records.ts";
import type { ConfigChanges } from "../registry/platform/config-vars.ts";
import type { Platforms, User } from "../registry/platform/platforms.ts";
import type { AppRecord, DrainRecord } from "../registry/records.ts";
import { timeOf } from "../registry/time.ts";
import type { Tokens } from "../registry/tokens.ts";
import { AddonNames, type NameOwner } from "./addon-names.ts";
import { Grants } from "./grants.ts";
import type { Manifest } from "./manifest.ts";
import { nothingSaid, type Provider, type ProviderAnswer } from "./provider.ts";
import { attachmentName, StoredAddons } from "./stored-addons.ts";

export const addonsMax = 20;

type AddonsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly drains: Drains;
  readonly tokens: Tokens;
  readonly platforms: Platforms;
  readonly provider: Pick<Provider, "provision" | "changePlan" | "deprovision">;
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly tellApp: (channel: ChannelId, text: string) => Promise<void>;
};

/** The addresses that a provider is given. */
export type Places = {
  readonly callbackUrl: (id: string) => string;
  readonly inputUrl: (token: string) => string;
};

type NewAddon = {
  readonly service: string;
  readonly plan: string;
  readonly name: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
};

const nameForm = /^[a-z0-9][a-z0-9-]{0,60}$/;

export class Addons {
  readonly #options: AddonsOptions;
  readonly stored: StoredAddons;
  /** The rights of providers over their own add-ons. */
  readonly grants: Grants;
  readonly #names: AddonNames;

  constructor(options: AddonsOptions) {
    this.#options = options;
    this.stored = new StoredAddons(options);
    this.#names = new AddonNames({ ...options, find: (name) => this.stored.find(name) });
    this.grants = new Grants(options);
  }

  get manifests(): ReadonlyMap<string, Manifest> {
    return this.#options.manifests;
  }

  /** The manifest of a service; throws if there is none. */
  manifest(service: string): Manifest {
    const manifest = this.manifests.get(service);
    if (manifest === undefined) throw addonServiceUnknown(service);
    return manifest;
  }

  async create(app: AppRecord, wanted: NewAddon, user: User, places: Places): Promise<AddonRecord> {
    const manifest = this.manifest(wanted.service);
    const { drains, tokens, provider, clock } = this.#options;
    const id = randomUUID();
    const name = await this.#claimName(wanted, { channel: app.id, id });
    const now = timeOf(clock.nowMs());
    const { grant, record } = this.grants.issue(app.id, id);
    const needs = (one: Manifest["requires"][number]) => manifest.requires.includes(one);
    // Named before they are made: what a crash leaves is found by the add-on's record.
    const named = {
      ...(needs("syslog_drain") && { drain: newDrainId() }),
      ...(needs("log_input") && { token: newToken() }),
    };
    const asked: AddonRecord = {
      id,
      name,
      service: manifest.id,
      plan: wanted.plan,
      state: "asked",
      configVars: [],
      ...named,
      ...record,
      atMs: clock.nowMs(),
      createdAt: now,
      updatedAt: now,
    };
    try {
      await this.stored.add(app.id, asked, addonsMax);
      await this.#names.confirm(name, { channel: app.id, id });
      const drain =
        named.drain && (await drains.reserve(app.id, { drain: named.drain, owner: { id: asked.id, name } }));
      const token = named.token && (await tokens.create(app.id, manifest.id, {}, named.token));
      const answer = await provider.provision(manifest, {
        uuid: asked.id,
        name,
        plan: wanted.plan,
        region: "here",
        callback_url: places.callbackUrl(asked.id),
        options: wanted.options,
        oauth_grant: {
          code: grant.code,
          expires_at: timeOf(grant.expiresAtMs),
          type: "authorization_code",
        },
        ...(drain !== undefined && { log_drain_token: drain.token }),
        ...(token !== undefined && { log_input_url: places.inputUrl(token.token) }),
      });
      const state = answer.isLater ? ("provisioning" as const) : ("provisioned" as const);
      const made = await this.#take(app.id, asked.id, answer, user, state);
      await this.#options.tellApp(
        app.id,
        `Attach ${attachmentName(manifest.id)} (@ref:${name}) by user ${user.email}`,
      );
      return made;
    } catch (failure) {
      await this.#undo(app.id, asked.id, user);
      await this.#names.drop(name, id); // its record may never have been there
      throw failure;
    }
  }

  async #claimName({ service, name }: NewAddon, owner: NameOwner): Promise<string> {
    if (name === undefined) return this.#names.claimFree(service, owner);
    if (!nameForm.test(name)) throw addonNameInvalid(name);
    await this.#names.claim(name, owner);
    return name;
  }

  async changePlan(app: AppRecord, addon: AddonRecord, plan: string, user: User): Promise<AddonRecord> {
    const answer = await this.#options.provider.changePlan(this.manifest(addon.service), addon.id, plan);
    const changed = await this.#take(app.id, addon.id, answer, user, addon.state);
    await this.#options.tellApp(
      app.id,
      `Update ${attachmentName(addon.service)} (@ref:${addon.name}) to ${plan} by user ${user.email}`,
    );
    return this.stored.change(app.id, addon.id, {
      ...(changed.message !== undefined && { message: changed.message }),
      plan,
    });
  }

  /** Called when the provider has made, or could not make, what it had promised (202). */
  async provisioned(channel: ChannelId, addon: AddonRecord): Promise<AddonRecord> {
    if (addon.state === "provisioned") return addon; // said again
    if (addon.state === "deprovisioning") throw notFound("add_on"); // too late
    const { tellApp } = this.#options;
    await tellApp(
      channel,
      `@ref:${addon.name} completed provisioning by user ${addon.service}@addons.localhost`,
    );
    return this.stored.change(channel, addon.id, { state: "provisioned" });
  }

  /** Sets config vars that the provider sends later. */
  setConfig(
    channel: ChannelId,
    addon: AddonRecord,
    config: Readonly<Record<string, string>>,
  ): Promise<AddonRecord> {
    const user = { id: addon.id, email: `${addon.service}@addons.localhost` };
    return this.#take(channel, addon.id, { ...nothingSaid, config }, user, addon.state);
  }

  /**
   * Throws if the app's owner would change config vars that belong to an add-on. The same value again is not a change.
   */
  async refuseForeignConfig(channel: ChannelId, changes: ConfigChanges): Promise<void> {
    const owned = new Set((await this.stored.list(channel)).flatMap(({ configVars }) => configVars));
    if (owned.size === 0) return;
    const { config } = await this.#options.platforms.get(channel);
    const names = Object.keys(changes).filter((name) => owned.has(name) && changes[name] !== config[name]);
    const removed = names.filter((name) => changes[name] === null);
    const set = names.filter((name) => changes[name] !== null);
    if (set.length > 0) throw addonOwnsConfig(set, false);
    if (removed.length > 0) throw addonOwnsConfig(removed, true);
  }

  /** Throws if the token is an add-on's, which could write no more and cannot be given another. */
  async refuseForeignToken(channel: ChannelId, token: string): Promise<void> {
    const owner = (await this.stored.list(channel)).find((addon) => addon.token === token);
    if (owner !== undefined) throw addonOwnsToken(owner.name);
  }

  /** The values of the config vars that belong to the add-on. */
  async configOf(channel: ChannelId, { configVars }: AddonRecord): Promise<ReadonlyMap<string, string>> {
    const { config } = await this.#options.platforms.get(channel);
    return new Map(configVars.flatMap((name) => (name in config ? [[name, config[name]!]] : [])));
  }

  /** The drain of an add-on, even while it has no URL yet. */
  async drainOf(channel: ChannelId, { drain: id }: AddonRecord): Promise<DrainRecord | undefined> {
    const drain = id === undefined ? undefined : await this.#options.drains.find(id);
    return drain?.channel === channel ? drain : undefined;
  }

  /** Sets the URL of the drain, which the provider sends later. */
  async setDrain(channel: ChannelId, addon: AddonRecord, url: string): Promise<DrainRecord> {
    const drain = await this.drainOf(channel, addon);
    if (drain === undefined) throw notFound("log_drain");
    return this.#options.drains.update(drain, { url });
  }

  /** Removes the add-on; `force`: even if its provider does not answer. */
  async destroy(channel: ChannelId, addon: AddonRecord, user: User, force: boolean): Promise<void> {
    const manifest = this.manifests.get(addon.service);
    try {
      if (manifest === undefined)
        throw addonProviderFails(addon.service, "there is no manifest of it any more");
      await this.#options.provider.deprovision(manifest, addon.id);
    } catch (failure) {
      if (!force) throw failure instanceof AppError ? addonNotDestroyed(addon.name, failure) : failure;
    }
    await this.#remove(channel, addon.id, user);
    await this.#options.tellApp(
      channel,
      `Detach ${attachmentName(addon.service)} (@ref:${addon.name}) by user ${user.email}`,
    );
  }

  /** Removes all add-ons of an app that is being destroyed. */
  async destroyAll(channel: ChannelId, user: User): Promise<void> {
    await Promise.all(
      (await this.stored.list(channel)).map((addon) => this.destroy(channel, addon, user, true)),
    );
    await this.stored.removeAll(channel);
  }

  /** Undoes what a crash left half made, or left of an app that was being destroyed. Call it when a server starts. */
  async undoHalfMade(): Promise<void> {
    const { store, clock } = this.#options;
    const oldMs = clock.nowMs() - halfMadeMs;
    for (const [channel, addons] of await this.stored.ofAllApps()) {
      const isGone = (await store.get(appKey(channel))) === undefined;
      for (const { id, state, atMs } of addons)
        if (isGone || (state === "asked" && atMs < oldMs)) await this.#undo(channel, id, operatorOf(channel));
    }
  }

  /** Removes an add-on that did not become ready in time, and tells the app so. */
  async giveUp(channel: ChannelId, id: string, hours: number): Promise<void> {
    const addon = (await this.stored.list(channel)).find((one) => one.id === id);
    if (addon === undefined) return; // somebody destroyed it
    await this.#options.tellApp(
      channel,
      `@ref:${addon.name} failed to provision: its provider did not say within ${hours} hours that it is ready. It is removed`,
    );
    await this.#undo(channel, id, operatorOf(channel));
  }

  /** Applies the provider's answer: its drain's URL and its config vars. Throws if any of it cannot be applied. */
  async #take(
    channel: ChannelId,
    id: string,
    answer: ProviderAnswer,
    user: User,
    state: AddonRecord["state"],
  ): Promise<AddonRecord> {
    const addon = await this.stored.get(channel, id);
    if (answer.drainUrl !== undefined && addon.drain !== undefined)
      await this.setDrain(channel, addon, answer.drainUrl).catch((failure: unknown) => {
        if (!(failure instanceof AppError)) throw failure;
        throw addonAnswerUnusable(addon.service, `its log_drain_url: ${failure.message.replace(/\.$/, "")}`);
      });
    const names = Object.keys(answer.config);
    const taken = (await this.#options.platforms.get(channel)).config;
    const foreign = names.find((name) => name in taken && !addon.configVars.includes(name));
    if (foreign !== undefined) throw addonConfigTaken(foreign);
    if (names.length > 0) {
      // Owned before they are set: what a crash leaves is removed with the add-on.
      await this.stored.change(channel, id, { configVars: [...new Set([...addon.configVars, ...names])] });
      await this.#configure(channel, answer.config, user);
    }
    return this.stored.change(channel, id, {
      state,
      ...(answer.id !== undefined && { providerId: answer.id }),
      ...(answer.message !== undefined && { message: answer.message }),
    });
  }

  async #configure(
    channel: ChannelId,
    config: Readonly<Record<string, string | null>>,
    user: User,
  ): Promise<void> {
    const { platforms, tellApp } = this.#options;
    const release = await platforms.configure(channel, config, user);
    if (release === undefined) return;
    await tellApp(channel, `${release.description} by user ${user.email}`);
    await tellApp(channel, `Release v${release.version} created by user ${user.email}`);
  }

  async #undo(channel: ChannelId, id: string, user: User): Promise<void> {
    const addon = (await this.stored.list(channel)).find((one) => one.id === id);
    const manifest = addon && this.manifests.get(addon.service);
    if (manifest !== undefined) await this.#options.provider.deprovision(manifest, id).catch(() => {}); // it may exist there
    await this.#remove(channel, id, user);
  }

  /** Removes everything here that belongs to the add-on, and its record last. */
  async #remove(channel: ChannelId, id: string, user: User): Promise<void> {
    const addon = (await this.stored.list(channel)).find((one) => one.id === id);
    if (addon === undefined) return;
    const { drains, tokens } = this.#options;
    if (addon.drain !== undefined) await drains.remove(channel, addon.drain);
    if (addon.token !== undefined) await tokens.revoke(addon.token);
    if (addon.configVars.length > 0)
      await this.#configure(
        channel,
        Object.fromEntries(addon.configVars.map((name) => [name, null])),
        user,
      ).catch(
        () => {}, // the app is gone, and its vars with it
      );
    await this.stored.remove(channel, id);
    await this.#names.drop(addon.name, id);
  }
}

/** The user of changes that the server makes by itself. */
const operatorOf = (channel: ChannelId): User => ({ id: channel, email: "operator@localhost" });

/** A request to a provider takes less time than this: anything older was left by a crash. */
const halfMadeMs = 60_000;
