/** Follows the changes of the records under one prefix until a signal ends it: a watch that fails is restarted. */
import type { Clock, Store, StoreChange } from "../ports.ts";

const watchRetryMs = 1_000;

/**
 * Callbacks of a watch. Changes between `onDown` and `onUp` may be missed: whatever depends on them must be read again.
 */
type RecordFollower<Value> = {
  /** The watch is up: every change is reported from now on; earlier ones may have been missed. */
  onUp(): void;
  /** The watch is down, or has ended. */
  onDown(): void;
  /**
   * A record as it was when a watch began, or after a change. The value is undefined when it was removed, or when it
   * exists but cannot be used: `isUnreadable`.
   */
  onRecord(change: StoreChange<Value>): void;
};

/** Resolves when `signal` is aborted; never rejects. */
export async function followRecords<Value>(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  prefix: string,
  signal: AbortSignal,
  follower: RecordFollower<Value>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const change of store.watch<Value>(prefix, signal)) {
        if (change === "ready") follower.onUp();
        else follower.onRecord(change);
      }
    } catch {
      // The Store reports its own troubles. Here it only matters to trust nothing until the next watch is up.
    }
    follower.onDown();
    await clock.sleep(watchRetryMs, signal);
  }
}
