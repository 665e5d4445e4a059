/** Changes of one record by several nodes at once: read, change, write if nobody was faster, else again. */
import { recordContended } from "../errors.ts";
import type { Store } from "../ports.ts";

const attemptsMax = 100;

/**
 * Writes what `change` makes of the record at `key` (undefined: absent, or remove it) and resolves to it. `change`
 * may run several times; what it throws ends the update with nothing written. The same object writes nothing.
 */
export async function updateRecord<Value>(
  store: Store,
  key: string,
  change: (value: Value | undefined) => Value | undefined | Promise<Value | undefined>,
): Promise<Value | undefined> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const found = await store.get<Value>(key);
    const changed = await change(found?.value);
    if (changed === found?.value) return changed;
    if ((await store.put(key, changed, found?.revision ?? 0)) !== undefined) return changed;
  }
  throw recordContended();
}

/** Removes the record at `key`, whoever wrote it last. */
export async function removeRecord(store: Store, key: string): Promise<void> {
  await updateRecord(store, key, () => undefined);
}
