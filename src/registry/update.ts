/** Changes of one record by several nodes at once: read, change, write if nobody was faster, else again. */
import { recordContended } from "../errors.ts";
import type { Store } from "../ports.ts";

/** Of an update that is in its turn: then only other nodes and updates that have just begun are faster. */
const attemptsMax = 100;

type Change<Value> = (value: Value | undefined) => Value | undefined | Promise<Value | undefined>;

/** By record, the last of the updates that were overtaken and wait for their turn. */
const turns = new WeakMap<Store, Map<string, Promise<unknown>>>();

/**
 * Writes what `change` makes of the record at `key` (undefined: absent, or remove it) and resolves to it. `change`
 * may run several times; what it throws ends the update with nothing written. The same object writes nothing.
 * Updates of this process that were overtaken take turns: however many come at once, each is done.
 */
export async function updateRecord<Value>(
  store: Store,
  key: string,
  change: Change<Value>,
): Promise<Value | undefined> {
  const first = await attempt(store, key, change);
  if (first !== "overtaken") return first.value;
  return inTurn(store, key, async () => {
    for (let attempts = 0; attempts < attemptsMax; attempts++) {
      const outcome = await attempt(store, key, change);
      if (outcome !== "overtaken") return outcome.value;
    }
    throw recordContended();
  });
}

/** Removes the record at `key`, whoever wrote it last. */
export async function removeRecord(store: Store, key: string): Promise<void> {
  await updateRecord(store, key, () => undefined);
}

async function attempt<Value>(
  store: Store,
  key: string,
  change: Change<Value>,
): Promise<{ readonly value: Value | undefined } | "overtaken"> {
  const found = await store.get<Value>(key);
  const value = await change(found?.value);
  if (value === found?.value) return { value };
  return (await store.put(key, value, found?.revision ?? 0)) === undefined ? "overtaken" : { value };
}

function inTurn<Value>(store: Store, key: string, run: () => Promise<Value>): Promise<Value> {
  let waiting = turns.get(store);
  if (waiting === undefined) turns.set(store, (waiting = new Map()));
  const running = (waiting.get(key) ?? Promise.resolve()).then(run);
  const ended = running
    .catch(() => {}) // told to its own caller
    .finally(() => {
      if (waiting.get(key) === ended) waiting.delete(key);
    });
  waiting.set(key, ended);
  return running;
}
