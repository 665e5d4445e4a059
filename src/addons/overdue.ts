/**
 * Add-ons whose providers promised them (202) and did not say in time that they are ready. Looks through the records now and
 * then and remembers nothing, so that restarts change nothing. The record says who removes an add-on, so that of several
 * nodes one does; when that one ends before it is done, another begins again.
 */
import type { BackgroundFailures } from "../background-failures.ts";
import type { ChannelId } from "../core/ids.ts";
import { addonsKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import type { Clock, Store } from "../ports.ts";
import type { AddonRecord, AddonsRecord } from "../registry/platform/addon-records.ts";
import { timeOf } from "../registry/time.ts";
import { updateRecord } from "../registry/update.ts";
import type { Addons } from "./addons.ts";

/** Heroku's value. */
export const provisioningHoursMax = 12;
const provisioningMsMax = provisioningHoursMax * 3_600_000;
export const overdueLookMs = 600_000;
/** A removal takes less time than this: an older one has ended half done. */
const removalMsMax = 60_000;
/** A provider that does not answer holds up each removal for 20 s. */
const removedAtOnceMax = 8;

type Options = {
  readonly store: Store;
  readonly clock: Clock;
  readonly addons: Pick<Addons, "giveUp">;
  readonly failures: Pick<BackgroundFailures, "note">;
};
type Found = { readonly channel: ChannelId; readonly id: string };

export class OverdueAddons {
  readonly #options: Options;
  readonly #closing = new AbortController();

  constructor(options: Options) {
    this.#options = options;
    void this.#run();
  }

  /** Idempotent. Removals under way are not waited for: another node, or the next start, does them again. */
  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#round().catch((error: unknown) => this.#note(error));
      await this.#options.clock.sleep(overdueLookMs, signal);
    }
  }

  #note(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#options.failures.note("addons", error, "an overdue add-on could not be removed; it is tried again");
  }

  async #round(): Promise<void> {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    const overdue: Found[] = [];
    for await (const { key, value } of store.list<AddonsRecord>(recordPrefixes.addons)) {
      const channel = nameIn("addons", key) as ChannelId;
      for (const addon of value.addons) if (isOverdue(addon, nowMs)) overdue.push({ channel, id: addon.id });
    }
    const next = async () => {
      for (let found = overdue.shift(); found !== undefined; found = overdue.shift()) {
        if (this.#closing.signal.aborted) return;
        await this.#giveUp(found).catch((error: unknown) => this.#note(error));
      }
    };
    await Promise.all(Array.from({ length: removedAtOnceMax }, next));
  }

  async #giveUp({ channel, id }: Found): Promise<void> {
    const { store, clock, addons } = this.#options;
    const nowMs = clock.nowMs();
    let isOurs = false;
    await updateRecord<AddonsRecord>(store, addonsKey(channel), (found) => {
      const addon = found?.addons.find((one) => one.id === id);
      isOurs = addon !== undefined && isOverdue(addon, nowMs);
      if (!isOurs) return found; // it became ready, or another node removes it
      const taken = { ...addon!, state: "deprovisioning" as const, updatedAt: timeOf(nowMs) };
      return { addons: found!.addons.map((one) => (one.id === id ? taken : one)) };
    });
    if (isOurs) await addons.giveUp(channel, id, provisioningHoursMax);
  }
}

const isOverdue = ({ state, atMs, updatedAt }: AddonRecord, nowMs: number): boolean =>
  (state === "provisioning" && atMs + provisioningMsMax <= nowMs) ||
  (state === "deprovisioning" && Date.parse(updatedAt) + removalMsMax <= nowMs);
