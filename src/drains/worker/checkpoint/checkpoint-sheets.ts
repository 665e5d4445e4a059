/**
 * The checkpoints of all drains of one lease. Whoever takes the lease claims its sheets, each by writing it: from then
 * on whoever wrote it before cannot any more. A drain comes onto a sheet when it first runs here: its checkpoint is
 * written in, and then its own record is made to lead there, by its revision. So of two nodes that both believe to
 * hold the lease one is kept out, by either record.
 */
import type { DrainId } from "../../../core/ids.ts";
import { newProducerId } from "../../../core/ids.ts";
import {
  checkpointKey,
  drainKey,
  nameIn,
  recordPrefixes,
  sheetKey,
} from "../../../core/records/record-keys.ts";
import { storeUnavailable } from "../../../errors/store.ts";
import { revisionOf } from "../../../registry/checked-store.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../../registry/drain-checkpoint.ts";
import { type DrainSheet, entryIn, placeOn, sheetIn } from "../../../registry/drain-sheet.ts";
import type { DrainRecord } from "../../../registry/records.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CheckpointSheet, type SheetOptions } from "./checkpoint-sheet.ts";

export type SheetsOptions = SheetOptions & { readonly shard: number };

/** The drains of a sheet that must not be written: it belongs to a later lease, or is gone. */
type Foreign = Pick<DrainSheet, "drains">;

export class CheckpointSheets {
  readonly #options: SheetsOptions;
  /** By name, from when they are claimed until somebody else has written them or they are empty. */
  readonly #claims = new Map<string, Promise<CheckpointSheet | Foreign>>();
  readonly #sheets = new Set<CheckpointSheet>();

  constructor(options: SheetsOptions) {
    this.#options = options;
  }

  /**
   * Continues where the drain's checkpoint says, or begins at its start. `onConflict` is called once when somebody
   * else has written it since. If a later lease already has it, nothing that is set is written. Rejects when the
   * Store fails.
   */
  async open(drain: DrainRecord, onConflict: () => void): Promise<Checkpoint> {
    const { store, lease } = this.#options;
    const key = checkpointKey(drain.id);
    for (;;) {
      const found = await store.get(key);
      const name = sheetIn(found?.value);
      if (name !== undefined) {
        const sheet = await this.#claimed(name);
        if (!(sheet instanceof CheckpointSheet))
          return this.#lost(
            drain,
            readCheckpoint(entryIn(sheet.drains[drain.id], drain.id), drain),
            onConflict,
          );
        if (sheet.isLost) continue;
        this.#forgetElsewhere(drain.id, sheet);
        return sheet.open(drain, onConflict);
      }
      const latest = readCheckpoint(found?.value, drain);
      if (lease < (latest.lease ?? 0)) return this.#lost(drain, latest, onConflict);
      const sheet = this.#sheetFor(drain.id);
      if (await sheet.add(drain.id, latest)) await store.put(key, placeOn(sheet.name), found?.revision ?? 0);
      else if (!sheet.isLost) throw storeUnavailable(new Error("a drain's checkpoint could not be stored"));
    }
  }

  /** Claims the existing sheets, and removes drains that are gone; `isKnown` is true for those that exist. */
  async sweep(isKnown: (id: string) => boolean, signal: AbortSignal): Promise<void> {
    const { store, shard } = this.#options;
    for await (const { key } of store.list(`${recordPrefixes.drainSheet}${shard}/`)) {
      if (signal.aborted) return;
      const sheet = await this.#claimed(nameIn("drainSheet", key));
      if (!(sheet instanceof CheckpointSheet)) continue;
      for (const id of sheet.ids)
        if (!isKnown(id) && (await revisionOf(store, drainKey(id as DrainId))) === 0)
          await this.#drop(sheet, id);
    }
  }

  /** Removes a drain that is gone. Never rejects: what is left is found by the next sweep. */
  async forget(id: string): Promise<void> {
    await Promise.allSettled(this.#claims.values());
    await Promise.all([...this.#sheets].map((sheet) => this.#drop(sheet, id)));
  }

  /** Idempotent. Writes what is left, if the Store accepts it. The workers must have ended. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#claims.values());
    await Promise.all([...this.#sheets].map((sheet) => sheet.close()));
  }

  #lost(drain: DrainRecord, latest: DrainCheckpoint, onConflict: () => void): Checkpoint {
    const { clock, commitMsMax } = this.#options;
    return new Checkpoint({ id: drain.id, latest, clock, commitMsMax, onConflict }, undefined);
  }

  #claimed(name: string): Promise<CheckpointSheet | Foreign> {
    const known = this.#claims.get(name);
    if (known !== undefined) return known;
    const claim = this.#claim(name);
    this.#claims.set(name, claim);
    const leave = () => void this.#claims.delete(name);
    claim.then((sheet) => sheet instanceof CheckpointSheet || leave(), leave);
    return claim;
  }

  async #claim(name: string): Promise<CheckpointSheet | Foreign> {
    const { store, lease } = this.#options;
    for (;;) {
      const found = await store.get<DrainSheet>(sheetKey(name));
      if (found === undefined) return { drains: {} };
      if (found.value.lease > lease) return found.value;
      const revision = await store.put(found.key, { ...found.value, lease }, found.revision);
      if (revision !== undefined) return this.#made(name, revision, found.value.drains);
    }
  }

  // The sheet that has the drain already, if its record could not be made to lead there before.
  #sheetFor(id: string): CheckpointSheet {
    const all = [...this.#sheets];
    const found = all.find((sheet) => sheet.has(id)) ?? all.find((sheet) => sheet.hasRoom);
    if (found !== undefined) return found;
    const name = `${this.#options.shard}/${newProducerId()}`;
    const sheet = this.#made(name, 0, {});
    this.#claims.set(name, Promise.resolve(sheet));
    return sheet;
  }

  #made(name: string, revision: number, drains: DrainSheet["drains"]): CheckpointSheet {
    const onLost = () => this.#leave(sheet);
    const sheet: CheckpointSheet = new CheckpointSheet({ name, revision, drains, onLost }, this.#options);
    this.#sheets.add(sheet);
    return sheet;
  }

  #forgetElsewhere(id: string, there: CheckpointSheet): void {
    for (const sheet of this.#sheets) if (sheet !== there) void this.#drop(sheet, id);
  }

  async #drop(sheet: CheckpointSheet, id: string): Promise<void> {
    if (!sheet.has(id)) return;
    const dropped = sheet.drop(id);
    if (sheet.isEmpty) this.#leave(sheet);
    await dropped;
  }

  #leave(sheet: CheckpointSheet): void {
    this.#sheets.delete(sheet);
    this.#claims.delete(sheet.name);
  }
}
