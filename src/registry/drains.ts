/**
 * Drains: how many, which URLs, where they start, paused or not. Only control nodes write `drain/ID`; workers act on
 * it and keep their own side in `drain-state/ID`.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type ChannelId, type DrainId, isUuid, newDrainId, newDrainToken } from "../core/ids.ts";
import {
  appKey,
  checkpointKey,
  drainKey,
  drainTestKey,
  recordPrefixes,
} from "../core/records/record-keys.ts";
import { notFound } from "../errors/access.ts";
import { sinceInvalid } from "../errors/api.ts";
import type { ChannelEnd, ChannelLog, Clock, Store } from "../ports.ts";
import { unlessUnreadable, unreadableIn } from "./checked-store.ts";
import { DrainClaimLists } from "./drain-claims.ts";
import { type DrainLedger, linesToReplay, placeSince, readLedger } from "./drain-ledger.ts";
import { checkDrainOptions, type DrainOptions } from "./drain-options.ts";
import type { DrainClaim, DrainRecord, DrainTest } from "./records.ts";
import { parseSince, timeOf } from "./time.ts";
import { removeRecord, replaceRecord, updateRecord } from "./update.ts";

/** A new drain as its owner requests it. */
export type NewDrain = DrainOptions & {
  readonly url: string;
  /** Set by the telemetry API. */
  readonly telemetry?: DrainRecord["telemetry"];
  /** Starts with the lines since this time (RFC 3339, or `10m`), instead of at the end of the log. */
  readonly since?: string;
};

/** Changes to a drain that its owner requests. */
export type DrainChanges = {
  readonly [Field in keyof DrainOptions]?: DrainRecord[Field] | null;
} & {
  readonly url?: string;
  /** The given parts of it, for a drain that has it. */
  readonly telemetry?: Partial<DrainRecord["telemetry"]>;
};

/** Throws an AppError for a URL that no drain may have. Supplied by the drains' own part. */
type CheckDestination = (url: string, options: { format?: string }) => unknown;

export class Drains {
  readonly #store: Store;
  readonly #log: ChannelLog;
  readonly #clock: Clock;
  readonly #claims: DrainClaimLists;
  readonly #checkDestination: CheckDestination;

  constructor(options: { store: Store; log: ChannelLog; clock: Clock; checkDestination: CheckDestination }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#claims = new DrainClaimLists(options);
    this.#checkDestination = options.checkDestination;
  }

  /**
   * Adds a drain to an existing app. If `approve` rejects its record, nothing is added, and this rejects with the
   * same error.
   */
  async create(
    channel: ChannelId,
    { since, ...wanted }: NewDrain,
    approve?: (record: DrainRecord) => Promise<void>,
  ): Promise<DrainRecord> {
    this.#check(wanted.url, wanted);
    const sinceMs = since === undefined ? undefined : this.#sinceMs(since);
    return this.#create(channel, wanted, await this.#place(channel, sinceMs), approve);
  }

  /** A drain that gets its URL later, by `update`; for an add-on with an id that its record names already. */
  async reserve(
    channel: ChannelId,
    addon?: { readonly drain: DrainId; readonly owner: NonNullable<DrainRecord["addon"]> },
  ): Promise<DrainRecord> {
    const place = await this.#place(channel, undefined);
    return addon === undefined
      ? this.#create(channel, {}, place)
      : this.#create(channel, { addon: addon.owner }, place, undefined, addon.drain);
  }

  /**
   * Changes the URL and options of a drain, all in one write or not at all. Null removes an option, and options that
   * are left out stay. A drain that was only reserved starts with its URL, at the present end of the log.
   */
  async update({ channel, id }: DrainRecord, changes: DrainChanges): Promise<DrainRecord> {
    const before = await this.#read(channel, id);
    if (before === undefined) throw notFound("log_drain");
    const start = before.url === undefined ? await this.#place(channel, undefined) : before.start;
    const changed = (found: DrainRecord): DrainRecord => {
      const next = withChanges(found, changes);
      if (next.url === undefined) return next;
      this.#check(next.url, next);
      return found.url === undefined ? { ...next, start } : next;
    };
    const { url } = changed(before); // an invalid change must not claim anything
    if (url !== undefined && url !== before.url) await this.#claims.take(channel, id, url);
    const drain = await this.#change(channel, id, changed);
    await removeRecord(this.#store, drainTestKey(id)); // it belonged to the drain as it was
    return drain;
  }

  /** The app's drains, oldest first, without reserved ones and without those whose records are unreadable. */
  async list(channel: ChannelId): Promise<DrainRecord[]> {
    return (await this.#all(channel)).filter((record) => record.url !== undefined);
  }

  /** The drain with that id, token or URL, as it was given. */
  async get(channel: ChannelId, idOrUrlOrToken: string): Promise<DrainRecord | undefined> {
    const wanted = idOrUrlOrToken;
    const found = (await this.list(channel)).find(
      ({ id, token, url }) => wanted === id || wanted === token || wanted === url,
    );
    // A drain that is missing from the list because its record is unreadable must not be reported as absent.
    const claim = found === undefined ? await this.#claims.find(channel, wanted) : undefined;
    if (claim !== undefined) await this.#read(channel, claim.id);
    return found;
  }

  /**
   * Removes the drain with that id or URL if its record is unreadable, and resolves to the app's claim for it;
   * undefined for any other drain.
   */
  async removeUnreadable(channel: ChannelId, idOrUrl: string): Promise<DrainClaim | undefined> {
    const claim = await this.#claims.find(channel, idOrUrl);
    if (claim === undefined) return undefined;
    try {
      await this.#read(channel, claim.id);
      return undefined;
    } catch (failure) {
      if (unreadableIn(failure) === undefined) throw failure;
    }
    await this.remove(channel, claim.id);
    return claim;
  }

  /** The drain with that id, of any app. */
  async find(id: string): Promise<DrainRecord | undefined> {
    return isUuid(id) ? (await this.#store.get<DrainRecord>(drainKey(id as DrainId)))?.value : undefined;
  }

  /** The drain with that number in the v3 API, including reserved ones. */
  async getNumbered(channel: ChannelId, number: number): Promise<DrainRecord | undefined> {
    return (await this.#all(channel)).find((record) => record.number === number);
  }

  /** Removes the drain; no error if it is gone. */
  async remove(channel: ChannelId, id: DrainId): Promise<void> {
    await removeRecord(this.#store, drainKey(id));
    await removeRecord(this.#store, checkpointKey(id));
    await removeRecord(this.#store, drainTestKey(id));
    await this.#claims.drop(channel, id);
  }

  /** Removes all drains of an app, including half-made ones. */
  async removeAll(channel: ChannelId): Promise<void> {
    for (const { id } of await this.#claims.list(channel)) await this.remove(channel, id);
    await this.#claims.dropAll(channel);
  }

  pause(record: DrainRecord): Promise<DrainRecord> {
    return this.#change(record.channel, record.id, (found) =>
      found.paused ? found : { ...found, paused: true },
    );
  }

  resume(record: DrainRecord): Promise<DrainRecord> {
    return this.#change(record.channel, record.id, (found) =>
      found.paused ? { ...found, paused: false } : found,
    );
  }

  /** Signs with `secret` from now on, and also with the previous one, while receivers change over. */
  rotate(record: DrainRecord, secret: string): Promise<DrainRecord> {
    return this.#change(record.channel, record.id, (found) => {
      if (found.secret === secret) return found; // when asked twice, the previous one stays
      const { previousSecret: _, ...rest } = found;
      const next = { ...rest, secret, ...(found.secret !== undefined && { previousSecret: found.secret }) };
      checkDrainOptions(found.url ?? "", next);
      return next;
    });
  }

  /** Keeps the result of a test line for its owner to see later. */
  async keepTest({ channel, id }: DrainRecord, found: Omit<DrainTest, "at">): Promise<void> {
    const test: DrainTest = { at: timeOf(this.#clock.nowMs()), ...found };
    await replaceRecord(this.#store, drainTestKey(id), test);
    if ((await this.#read(channel, id)) === undefined) await removeRecord(this.#store, drainTestKey(id));
  }

  /** Sends the lines since this time (RFC 3339, or `10m`) once more. */
  replay(record: DrainRecord, since: string): Promise<DrainRecord> {
    const replay = { id: randomUUID(), sinceMs: this.#sinceMs(since) };
    return this.#change(record.channel, record.id, (found) => ({ ...found, replay }));
  }

  /** The number of lines that a replay would go through; `since` undefined: everything that is kept. */
  async linesOfReplay(record: DrainRecord, since: string | undefined): Promise<number> {
    return linesToReplay(this.#store, this.#log, record, since === undefined ? 0 : this.#sinceMs(since));
  }

  /** The drain's ledger at present. */
  view(record: DrainRecord): Promise<DrainLedger> {
    return readLedger(this.#store, this.#log, record, this.#clock.nowMs());
  }

  #check(url: string, options: DrainOptions): void {
    this.#checkDestination(url, options.format === undefined ? {} : { format: options.format });
    checkDrainOptions(url, options);
  }

  #sinceMs(since: string): number {
    const sinceMs = parseSince(since, this.#clock.nowMs());
    if (sinceMs === undefined) throw sinceInvalid(since);
    return sinceMs;
  }

  async #place(channel: ChannelId, sinceMs: number | undefined): Promise<ChannelEnd> {
    return sinceMs === undefined
      ? (await this.#log.recent(channel, 0)).end
      : placeSince(this.#log, channel, sinceMs);
  }

  async #create(
    channel: ChannelId,
    wanted: DrainOptions & Pick<DrainRecord, "url" | "addon">,
    start: ChannelEnd,
    approve?: (record: DrainRecord) => Promise<void>,
    id = newDrainId(),
  ): Promise<DrainRecord> {
    await this.#claims.take(channel, id, wanted.url);
    const number = await updateRecord<number>(
      this.#store,
      recordPrefixes.drainNumber,
      (last = 0) => last + 1,
    );
    const now = timeOf(this.#clock.nowMs());
    const record: DrainRecord = {
      ...wanted,
      id,
      number: number!,
      token: newDrainToken(),
      channel,
      createdAt: now,
      updatedAt: now,
      start,
      paused: false,
    };
    try {
      await approve?.(record);
    } catch (failure) {
      await this.remove(channel, id);
      throw failure;
    }
    await this.#store.put(drainKey(id), record, 0);
    await this.#undoWhenGone(channel, id);
    return record;
  }

  // This and `Apps.destroy` may run at the same time; one of the two finds the other's work.
  async #undoWhenGone(channel: ChannelId, id: DrainId): Promise<void> {
    const app = await this.#store.get<object>(appKey(channel));
    if (app !== undefined && !("destroying" in app.value)) return;
    await this.remove(channel, id);
    await this.#claims.dropAll(channel);
    throw notFound("app");
  }

  async #change(
    channel: ChannelId,
    id: DrainId,
    change: (record: DrainRecord) => DrainRecord,
  ): Promise<DrainRecord> {
    const changed = await updateRecord<DrainRecord>(this.#store, drainKey(id), (found) => {
      if (found === undefined || found.channel !== channel) throw notFound("log_drain");
      const next = change(found);
      return next === found ? found : { ...next, updatedAt: timeOf(this.#clock.nowMs()) };
    });
    return changed!;
  }

  async #all(channel: ChannelId): Promise<DrainRecord[]> {
    const claims = await this.#claims.list(channel);
    const records = await Promise.all(claims.map(({ id }) => unlessUnreadable(this.#read(channel, id))));
    return records.filter((record) => record !== undefined).sort((a, b) => a.number - b.number);
  }

  async #read(channel: ChannelId, id: DrainId): Promise<DrainRecord | undefined> {
    const found = await this.#store.get<DrainRecord>(drainKey(id));
    return found?.value.channel === channel ? found.value : undefined;
  }
}

// Returns the same object when nothing changes. Setting only the URL also changes the endpoint of its telemetry
// drain.
function withChanges(found: DrainRecord, { telemetry, ...changes }: DrainChanges): DrainRecord {
  const isMoved = changes.url !== undefined && changes.url !== found.url;
  const next = {
    ...found,
    ...changes,
    ...(found.telemetry && {
      telemetry: { ...found.telemetry, ...(isMoved && { endpoint: changes.url! }), ...telemetry },
    }),
  };
  const kept = Object.entries(next).filter(([, value]) => value !== null);
  const changed = Object.fromEntries(kept) as DrainRecord;
  return isDeepStrictEqual(changed, found) ? found : changed;
}
