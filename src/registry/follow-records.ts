/** The changes of the records below one prefix, for as long as a signal lets it: a watch that fails is begun again. */
import type { Clock, Store } from "../ports.ts";

const watchRetryMs = 1_000;

/** Who is told. Between `onDown` and `onUp` changes may go by untold: what depends on them has to be read again. */
export type RecordFollower<Value> = {
  /** The watch is up: from here on every change is told, those before it may not have been. */
  onUp(): void;
  /** The watch is not up, at the end too. */
  onDown(): void;
  /** A record as it is at the start of a watch, or as it was changed; undefined: removed. */
  onRecord(key: string, value: Value | undefined): void;
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
        else follower.onRecord(change.key, change.value);
      }
    } catch {
      // The Store tells its own troubles; what counts here is to trust nothing until the next watch is up.
    }
    follower.onDown();
    await clock.sleep(watchRetryMs, signal);
  }
}
