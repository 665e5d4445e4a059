/**
 * Changes a record that several nodes may change at once: reads, changes, and writes if nobody else has written in the
 * meantime; otherwise starts again.
 */
import { recordContended } from "../errors/api.ts";
import type { Store } from "../ports.ts";
import { revisionOf } from "./checked-store.ts";

/**
 * The attempts of an update whose turn it is: only other nodes, and updates that have just begun, can still overtake
 * it.
 */
const attemptsMax = 100;

type Change<Value> = (value: Value | undefined) => Value | undefined | Promise<Value | undefined>;

/** The last update in the queue of each record: overtaken updates wait for their turn. */
const turns = new WeakMap<Store, Map<string, Promise<unknown>>>();

/**
 * Writes the result of `change` for the record at `key` (undefined: absent, or to be removed) and resolves to it.
 * `change` may run several times; if it throws or returns the same object, nothing is written. Overtaken updates of
 * this process take turns, so that however many come at once, each gets done.
 */
export async function updateRecord<Value>(
  store: Store,
  key: string,
  change: Change<Value>,
): Promise<Value | undefined> {
  return untilWritten(store, key, () => attempt(store, key, change));
}

/** Removes the record at `key`, whoever wrote it last and whatever it holds. */
export async function removeRecord(store: Store, key: string): Promise<void> {
  await replaceRecord(store, key, undefined);
}

/** Writes `value` in place of whatever the record at `key` holds. */
export async function replaceRecord(store: Store, key: string, value: unknown): Promise<void> {
  await untilWritten(store, key, async () => {
    const revision = await revisionOf(store, key);
    if (value === undefined && revision === 0) return { value };
    return (await store.put(key, value, revision)) === undefined ? "overtaken" : { value };
  });
}

type Outcome<Value> = { readonly value: Value | undefined } | "overtaken";

async function untilWritten<Value>(
  store: Store,
  key: string,
  write: () => Promise<Outcome<Value>>,
): Promise<Value | undefined> {
  const first = await write();
  if (first !== "overtaken") return first.value;
  return inTurn(store, key, async () => {
    for (let attempts = 0; attempts < attemptsMax; attempts++) {
      const outcome = await write();
      if (outcome !== "overtaken") return outcome.value;
    }
    throw recordContended();
  });
}

async function attempt<Value>(store: Store, key: string, change: Change<Value>): Promise<Outcome<Value>> {
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
