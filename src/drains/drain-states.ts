/** Removes the checkpoints of drains that are gone. */
import type { Logger } from "pino";
import type { DrainId } from "../core/ids.ts";
import { checkpointKey, drainKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import type { Store } from "../ports.ts";
import { revisionOf } from "../registry/checked-store.ts";

type DrainStatesOptions = { readonly store: Store; readonly logger: Pick<Logger, "error"> };

export class DrainStates {
  readonly #options: DrainStatesOptions;

  constructor(options: DrainStatesOptions) {
    this.#options = options;
  }

  /** Removes the state of a drain that is gone. Never rejects: what is left is found at the next start. */
  async forget(id: string): Promise<void> {
    const { store, logger } = this.#options;
    try {
      const found = await store.get(checkpointKey(id));
      if (found !== undefined) await store.put(found.key, undefined, found.revision);
    } catch (err) {
      logger.error({ err, drain: id }, "the state of a removed drain could not be removed");
    }
  }

  /**
   * Removes the states of drains that were removed while nobody watched; `isKnown` is true for those that exist. Never
   * rejects.
   */
  async forgetOrphans(isKnown: (id: string) => boolean, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options;
    try {
      for await (const { key } of store.list(recordPrefixes.drainCheckpoint)) {
        const id = nameIn("drainCheckpoint", key);
        if (!isKnown(id) && (await revisionOf(store, drainKey(id as DrainId))) === 0) await this.forget(id);
        if (signal.aborted) return;
      }
    } catch (err) {
      logger.error({ err }, "the states of removed drains could not be removed");
    }
  }
}
