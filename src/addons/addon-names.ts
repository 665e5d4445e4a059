/**
 * Names of add-ons, one record for each: of many add-ons that want one name at once, here or on other nodes, one gets it.
 * A name is claimed before its add-on is written, confirmed when that is written, and dropped when it is gone. What a
 * crash left of a claim goes to whoever asks for the name next.
 */
import { randomInt } from "node:crypto";
import type { ChannelId } from "../core/ids.ts";
import { addonNameKey, addonsKey } from "../core/records/record-keys.ts";
import { addonNameTaken } from "../errors/addons.ts";
import type { Clock, Store } from "../ports.ts";
import { unreadableIn } from "../registry/checked-store.ts";
import type { AddonNameRecord, AddonsRecord } from "../registry/platform/addon-records.ts";
import { updateRecord } from "../registry/update.ts";

/** A claim of this age that was not confirmed is left from a crash. */
const claimMsMax = 60_000;

export type NameOwner = { readonly channel: ChannelId; readonly id: string };

type AddonNamesOptions = {
  readonly store: Store;
  readonly clock: Pick<Clock, "nowMs">;
  /** The add-on of this name or id. Those of 0.1 have no claim. */
  readonly find: (name: string) => Promise<object | undefined>;
};

export class AddonNames {
  readonly #options: AddonNamesOptions;

  constructor(options: AddonNamesOptions) {
    this.#options = options;
  }

  /** Claims the name; throws `addonNameTaken`. */
  async claim(name: string, owner: NameOwner): Promise<void> {
    if (!(await this.#tryClaim(name, owner))) throw addonNameTaken(name);
  }

  /** Claims a name for an add-on of this service that was given none. Each try has ten times as many names. */
  async claimFree(service: string, owner: NameOwner): Promise<string> {
    for (let most = 100_000; ; most *= 10) {
      const name = `${service}-${randomInt(most / 10, most)}`;
      if (await this.#tryClaim(name, owner)) return name;
    }
  }

  /** Call when the add-on is written. Throws if its claim was given up in the meantime: it must then be removed. */
  async confirm(name: string, owner: NameOwner): Promise<void> {
    const { channel, id } = owner;
    const named = await updateRecord<AddonNameRecord>(this.#options.store, addonNameKey(name), (found) =>
      found?.id === id ? { channel, id } : found,
    );
    if (named?.id !== id) throw addonNameTaken(name);
  }

  /** Call when the add-on is gone, or was not made. No error if it has no such claim. */
  async drop(name: string, id: string): Promise<void> {
    await updateRecord<AddonNameRecord>(this.#options.store, addonNameKey(name), (found) =>
      found?.id === id ? undefined : found,
    );
  }

  async #tryClaim(name: string, { channel, id }: NameOwner): Promise<boolean> {
    const { store, clock, find } = this.#options;
    const claim = { channel, id, atMs: clock.nowMs() };
    const named = await updateRecord<AddonNameRecord>(store, addonNameKey(name), async (found) =>
      found !== undefined && (await this.#holds(found)) ? found : claim,
    );
    if (named?.id !== id) return false;
    if ((await find(name)) === undefined) return true;
    await this.drop(name, id);
    return false;
  }

  /** True while the claim's add-on is being made, or is there. */
  async #holds({ channel, id, atMs }: AddonNameRecord): Promise<boolean> {
    const { store, clock } = this.#options;
    if (atMs !== undefined && Math.abs(clock.nowMs() - atMs) < claimMsMax) return true;
    const found = await store.get<AddonsRecord>(addonsKey(channel)).catch((failure: unknown) => {
      if (unreadableIn(failure) === undefined) throw failure;
      return "unreadable" as const;
    });
    return found === "unreadable" || (found?.value.addons.some((one) => one.id === id) ?? false);
  }
}
