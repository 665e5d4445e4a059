/**
 * Apps. `app-name/NAME` holds the id and is written first; `app/ID` makes the app exist. A crash in between leaves a
 * name, which whoever asks for it next completes. An app that is being destroyed is marked in its record, which is
 * removed last, so that anybody can take over the work.
 */
import { type ChannelId, isUuid, newChannelId } from "../core/ids.ts";
import { appKey, appNameKey, platformKey, recordPrefixes, runnerKey } from "../core/records/record-keys.ts";
import { appNameInvalid, appNameTaken, recordContended } from "../errors/api.ts";
import type { ChannelLog, Clock, Store } from "../ports.ts";
import { isAppName, randomAppName } from "./app-name.ts";
import { unlessUnreadable } from "./checked-store.ts";
import type { Drains } from "./drains.ts";
import type { AppRecord } from "./records.ts";
import { shared } from "./shared.ts";
import { timeOf } from "./time.ts";
import type { Tokens } from "./tokens.ts";
import { removeRecord, updateRecord } from "./update.ts";

/** The tokens of a new app. */
const firstSources: readonly string[] = ["app", "heroku"];

const attemptsMax = 20;

type NameRecord = { readonly id: ChannelId };

export class Apps {
  readonly #store: Store;
  readonly #log: ChannelLog;
  readonly #clock: Clock;
  readonly #tokens: Tokens;
  readonly #drains: Drains;
  readonly #listing = shared(() => this.#list());

  constructor(options: { store: Store; log: ChannelLog; clock: Clock; tokens: Tokens; drains: Drains }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#tokens = options.tokens;
    this.#drains = options.drains;
  }

  /** Creates an app with a token for each of `sources`; without a name it gets a random one. */
  async create(
    name?: string,
    sources: readonly string[] = firstSources,
    generation?: AppRecord["generation"],
  ): Promise<AppRecord> {
    if (name !== undefined) {
      if (!isAppName(name)) throw appNameInvalid(name);
      const app = await this.#create(name, sources, generation);
      if (app === undefined) throw appNameTaken(name);
      return app;
    }
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const app = await this.#create(randomAppName(), sources, generation);
      if (app !== undefined) return app;
    }
    throw recordContended();
  }

  /** The app with that name or id. */
  async get(idOrName: string): Promise<AppRecord | undefined> {
    const id = await this.idOf(idOrName);
    if (id === undefined) return undefined;
    const found = await this.#store.get<AppRecord>(appKey(id));
    return found?.value.destroying ? undefined : found?.value;
  }

  /** The id for a name or id, whether or not the app exists; takes the same time in both cases. */
  async idOf(idOrName: string): Promise<ChannelId | undefined> {
    if (isUuid(idOrName)) return idOrName as ChannelId;
    if (!isAppName(idOrName)) return undefined;
    return (await this.#store.get<NameRecord>(appNameKey(idOrName)))?.value.id;
  }

  /**
   * All apps, by name. One reading is under way at a time, and all callers that come meanwhile share the next one.
   */
  list(): Promise<readonly AppRecord[]> {
    return this.#listing();
  }

  /** The number of apps, counted without holding them all. */
  async count(): Promise<number> {
    let apps = 0;
    for await (const { value } of this.#store.list<AppRecord>(recordPrefixes.app))
      if (value.destroying === undefined) apps++;
    return apps;
  }

  async #list(): Promise<readonly AppRecord[]> {
    const apps: AppRecord[] = [];
    for await (const { value } of this.#store.list<AppRecord>(recordPrefixes.app)) {
      if (value.destroying === undefined) apps.push(value);
    }
    return apps.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Called before an app is destroyed, so that others outside, such as the providers of add-ons, are told first. */
  beforeDestroying: (id: ChannelId, user: { readonly id: string; readonly email: string }) => Promise<void> =
    async () => {};

  /** Removes the app, its drains, its tokens and its log. No error if some or all of it is gone already. */
  async destroy(id: ChannelId): Promise<void> {
    await this.beforeDestroying(id, { id, email: "operator@localhost" });
    const app = await updateRecord<AppRecord>(this.#store, appKey(id), (found) =>
      found === undefined || found.destroying ? found : { ...found, destroying: true },
    );
    if (app === undefined) return;
    await this.#drains.removeAll(id);
    await this.#tokens.revokeAll(id);
    await removeRecord(this.#store, platformKey(id));
    await removeRecord(this.#store, runnerKey(id));
    await this.#log.destroy(id);
    await updateRecord<NameRecord>(this.#store, appNameKey(app.name), (named) =>
      named?.id === id ? undefined : named,
    );
    await removeRecord(this.#store, appKey(id));
  }

  /** Finishes what a crash interrupted, as far as the records are readable. Call it when a server starts. */
  async finishDestroying(): Promise<void> {
    const left: ChannelId[] = [];
    for await (const { value } of this.#store.list<AppRecord>(recordPrefixes.app)) {
      if (value.destroying) left.push(value.id);
    }
    for (const id of left) await unlessUnreadable(this.destroy(id));
  }

  // Undefined when the name is taken. Whoever puts the app's record first has created it. Tokens are written before,
  // so that every visible app has them.
  async #create(
    name: string,
    sources: readonly string[],
    generation: AppRecord["generation"],
  ): Promise<AppRecord | undefined> {
    const id = await this.#claim(name);
    if (id === undefined) return undefined;
    const present = new Set((await this.#tokens.list(id)).map((token) => token.source));
    for (const source of new Set(sources)) {
      if (!present.has(source)) await this.#tokens.write(id, source);
    }
    const now = timeOf(this.#clock.nowMs());
    const app: AppRecord = { id, name, ...(generation && { generation }), createdAt: now, updatedAt: now };
    return (await this.#store.put(appKey(id), app, 0)) === undefined ? undefined : app;
  }

  // Claims the name. Returns its id, unless an app already has it.
  async #claim(name: string): Promise<ChannelId | undefined> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const named = await this.#store.get<NameRecord>(appNameKey(name));
      if (named === undefined) {
        const id = newChannelId();
        if ((await this.#store.put(appNameKey(name), { id }, 0)) !== undefined) return id;
        continue;
      }
      const app = await this.#store.get<AppRecord>(appKey(named.value.id));
      if (app === undefined) return named.value.id;
      if (app.value.destroying === undefined) return undefined;
      await this.destroy(named.value.id);
    }
    throw recordContended();
  }
}
