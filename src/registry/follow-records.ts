/** Follows the changes of the records below one prefix until a signal ends it: a watch that fails is begun again. */
import type { Clock, Store } from "../ports.ts";

const watchRetryMs = 1_000;

/**
 * Callbacks of a watch. Changes between `onDown` and `onUp` may be missed: whatever depends on them has to be read
 * again.
 */
type RecordFollower<Value> = {
  /** The watch is up: every change from here on is told; changes before may have been missed. */
  onUp(): void;
  /** The watch is down, or has ended. */
  onDown(): void;
  /**
   * A record as it was at the start of a watch, or as it was changed; undefined when it was removed, or when it is there
   * and cannot be used: `isUnreadable`.
   */
  onRecord(key: string, value: Value | undefined, isUnreadable: boolean): void;
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
        else follower.onRecord(change.key, change.value, change.isUnreadable === true);
      }
    } catch {
      // The Store reports its own troubles. All that counts here is to trust nothing until the next watch is up.
    }
    follower.onDown();
    await clock.sleep(watchRetryMs, signal);
  }
}
