/** The records of add-ons: those of an app are one record. */
import type { ChannelId } from "../core/ids.ts";
import { addonsKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import { notFound } from "../errors/access.ts";
import { addonAmbiguous, addonLimit } from "../errors/addons.ts";
import type { Clock, Store } from "../ports.ts";
import type { AddonRecord, AddonsRecord } from "../registry/platform/addon-records.ts";
import { shared } from "../registry/shared.ts";
import { timeOf } from "../registry/time.ts";
import { updateRecord } from "../registry/update.ts";

/** The name of an add-on's attachment: `PAPERTRAIL_PRO` for the service `papertrail-pro`. */
export const attachmentName = (service: string): string => service.toUpperCase().replaceAll("-", "_");

export type Found = { readonly channel: ChannelId; readonly addon: AddonRecord };

/** Reading the add-ons of all apps at once is quicker than reading those of more apps than this. */
const readOneByOneMax = 20;

export class StoredAddons {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #ofAllApps = shared(() => this.#readAll());

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  async list(channel: ChannelId): Promise<readonly AddonRecord[]> {
    return (await this.#store.get<AddonsRecord>(addonsKey(channel)))?.value.addons ?? [];
  }

  /** The add-on with this id or name, or the only one of the service that is named so, or as its attachment is. */
  async get(channel: ChannelId, wanted: string): Promise<AddonRecord> {
    const addons = await this.list(channel);
    const exact = addons.find(({ id, name }) => id === wanted || name === wanted);
    if (exact !== undefined) return exact;
    const [found, ...others] = addons.filter(
      ({ service }) => service === wanted || attachmentName(service) === wanted,
    );
    if (found === undefined) throw notFound("add_on", wanted);
    if (others.length > 0) throw addonAmbiguous([found, ...others].map(({ name }) => name));
    return found;
  }

  /** Those of each app that has some: read in turns, once for all who ask at the same time. */
  ofAllApps(): Promise<ReadonlyMap<ChannelId, readonly AddonRecord[]>> {
    return this.#ofAllApps();
  }

  /** The add-on with this id or name, and its app. */
  async find(wanted: string): Promise<Found | undefined> {
    return foundIn(await this.ofAllApps(), wanted);
  }

  /** `find` for a key that may see these apps alone: what it costs does not depend on the add-ons of others. */
  async findAmong(apps: ReadonlySet<ChannelId>, wanted: string): Promise<Found | undefined> {
    if (apps.size > readOneByOneMax) {
      const found = await this.find(wanted);
      return found !== undefined && apps.has(found.channel) ? found : undefined;
    }
    for (const channel of apps) {
      const found = foundIn([[channel, await this.list(channel)]], wanted);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Throws when the app has `most` already. */
  async add(channel: ChannelId, addon: AddonRecord, most: number): Promise<void> {
    await updateRecord<AddonsRecord>(this.#store, addonsKey(channel), (found) => {
      const addons = found?.addons ?? [];
      if (addons.length >= most) throw addonLimit(most);
      return { addons: [...addons, addon] };
    });
  }

  async change(channel: ChannelId, id: string, changes: Partial<AddonRecord>): Promise<AddonRecord> {
    const updatedAt = timeOf(this.#clock.nowMs());
    const changed = await updateRecord<AddonsRecord>(this.#store, addonsKey(channel), (found) => {
      if (found === undefined) throw notFound("add_on");
      return { addons: found.addons.map((one) => (one.id === id ? { ...one, ...changes, updatedAt } : one)) };
    });
    const addon = changed!.addons.find((one) => one.id === id);
    if (addon === undefined) throw notFound("add_on");
    return addon;
  }

  async remove(channel: ChannelId, id: string): Promise<void> {
    await updateRecord<AddonsRecord>(this.#store, addonsKey(channel), (found) => {
      const addons = found?.addons.filter((one) => one.id !== id) ?? [];
      return addons.length === 0 ? undefined : { addons };
    });
  }

  /** Those of an app that is gone. */
  async removeAll(channel: ChannelId): Promise<void> {
    await updateRecord(this.#store, addonsKey(channel), () => undefined);
  }

  async #readAll(): Promise<ReadonlyMap<ChannelId, readonly AddonRecord[]>> {
    const found = new Map<ChannelId, readonly AddonRecord[]>();
    for await (const { key, value } of this.#store.list<AddonsRecord>(recordPrefixes.addons))
      found.set(nameIn("addons", key) as ChannelId, value.addons);
    return found;
  }
}

function foundIn(
  all: Iterable<readonly [ChannelId, readonly AddonRecord[]]>,
  wanted: string,
): Found | undefined {
  for (const [channel, addons] of all) {
    const addon = addons.find(({ id, name }) => id === wanted || name === wanted);
    if (addon !== undefined) return { channel, addon };
  }
  return undefined;
}
