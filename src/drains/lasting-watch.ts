/** A watch that outlives failures of its Store: it is restarted, and then reports the changes that it missed. */
import type { Clock, Store, StoreChange } from "../ports.ts";

type LastingWatch<Value> = {
  readonly store: Store;
  readonly clock: Clock;
  readonly prefix: string;
  /** The wait before a watch that ended is restarted. */
  readonly restartMs: number;
  readonly signal: AbortSignal;
  readonly onChange: (change: StoreChange<Value>) => void;
  /** Called with the existing keys each time a watch begins: all others are gone. */
  readonly onListed: (keys: ReadonlySet<string>) => void;
  /** Handles one change. An error that it throws ends the watch. */
  readonly onFailure: (failure: unknown) => void;
};

/** Resolves when `signal` is aborted; rejects with what `onFailure` throws. */
export async function watchLasting<Value>(watch: LastingWatch<Value>): Promise<void> {
  const { store, clock, prefix, restartMs, signal, onChange, onListed, onFailure } = watch;
  while (!signal.aborted) {
    let listed: Set<string> | undefined = new Set();
    try {
      for await (const change of store.watch<Value>(prefix, signal)) {
        if (change === "ready") {
          if (listed !== undefined) onListed(listed);
          listed = undefined;
        } else {
          listed?.add(change.key);
          onChange(change);
        }
      }
    } catch (failure) {
      onFailure(failure);
    }
    await clock.sleep(restartMs, signal);
  }
}
