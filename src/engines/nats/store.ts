/**
 * Records in a KV bucket. A put names the revision that it replaces twice: as the subject's last sequence, and in its
 * message id. The first rejects a put that is out of date; the second keeps only one of several that come at once,
 * for which the first is not enough on replicated streams before server 2.9.21.
 */
import assert from "node:assert";
import { randomBytes } from "node:crypto";
import { DeliverPolicy } from "nats";
import { AppError } from "../../errors/app-error.ts";
import { natsFull, storeUnavailable, storeUncertain } from "../../errors/store.ts";
import type { Clock, Store, StoreChange, StoreRecord } from "../../ports.ts";
import { isStoreKey, valueBytesMax } from "../engine.ts";
import type { Pulled } from "./wire/consumer.ts";
import { Handover } from "./wire/handover.ts";
import type { Publisher } from "./wire/publisher.ts";
import { pull, pullOn } from "./wire/pull.ts";
import { PullSlots } from "./wire/pull-slots.ts";
import { answerMsMax, type RawMessage, type StreamApi } from "./wire/stream-api.ts";
import type { Wire } from "./wire/wire.ts";

type NatsStoreParts = {
  readonly wire: Wire;
  readonly api: StreamApi;
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly bucket: string;
};

/** The name of a bucket's stream, as `nats kv` has it. */
export const bucketStream = (bucket: string): string => `KV_${bucket}`;
/** All of a bucket's subjects. */
export const bucketSubjects = (bucket: string): string => `$KV.${bucket}.>`;

const operationHeader = "KV-Operation";
const putHeader = "Tailrace-Put";
const putMsMax = 15_000;
/** Records that are read at a time. Callers that ask for the same record share one answer. */
const getsMax = 16;
/** A watcher retries after this when its server does not answer. */
const retryPauseMs = 300;

// Buckets separate words with `.`, we use `/`. Swapping the two gives every key a subject of its own.
const swapped = (text: string): string =>
  text.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));

export class NatsStore implements Store {
  readonly #parts: NatsStoreParts;
  readonly #puts = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #gets = new PullSlots(getsMax);
  readonly #handover: Handover;
  readonly #stream: string;
  readonly #subjectPrefix: string;

  constructor(parts: NatsStoreParts) {
    this.#parts = parts;
    this.#handover = new Handover(parts.clock);
    this.#stream = bucketStream(parts.bucket);
    this.#subjectPrefix = `$KV.${parts.bucket}.`;
  }

  async get<Value>(key: string): Promise<StoreRecord<Value> | undefined> {
    const found = await this.#last(key);
    await this.#handover.turn(key);
    if (found === undefined || isRemoval(found)) return undefined;
    return { key, value: parsed<Value>(found.payload), revision: found.sequence };
  }

  async put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    assert(isStoreKey(key), `not a key: ${key}`);
    if (this.#closing.signal.aborted) throw storeUnavailable(new Error("the store is closed"));
    const json = value === undefined ? undefined : JSON.stringify(value);
    assert(json === undefined || Buffer.byteLength(json) <= valueBytesMax, "a record is too large");
    const put = this.#put(key, json, revision);
    this.#puts.add(put);
    try {
      return await put;
    } finally {
      this.#puts.delete(put);
    }
  }

  async *list<Value>(prefix: string): AsyncGenerator<StoreRecord<Value>> {
    const found = new Map<string, RawRecord>();
    const all = { deliver_policy: DeliverPolicy.All };
    for await (const pulled of pull(this.#parts, { ...this.#source(prefix), start: all })) {
      const record = this.#recordOf(pulled);
      if (!record.key.startsWith(prefix)) continue;
      if (record.payload === undefined) found.delete(record.key);
      else found.set(record.key, record);
    }
    for (const key of [...found.keys()].sort()) {
      if (this.#closing.signal.aborted) return;
      const { payload, revision } = found.get(key)!;
      yield { key, value: parsed<Value>(payload!), revision };
    }
  }

  async *watch<Value>(prefix: string, signal: AbortSignal): AsyncGenerator<StoreChange<Value> | "ready"> {
    const ended = new AbortController();
    const end = () => ended.abort();
    if (signal.aborted || this.#closing.signal.aborted) return;
    for (const other of [signal, this.#closing.signal]) other.addEventListener("abort", end);
    let isReady = false;
    let seen = 0;
    try {
      while (!ended.signal.aborted) {
        const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: seen + 1 };
        try {
          for await (const pulled of pullOn(this.#parts, { ...this.#source(prefix), start }, ended.signal)) {
            if (pulled === "caught-up") {
              if (!isReady) yield "ready";
              isReady = true;
              continue;
            }
            seen = pulled.sequence;
            const { key, payload, revision } = this.#recordOf(pulled);
            if (!key.startsWith(prefix) || (payload === undefined && !isReady)) continue;
            yield { key, value: payload && parsed<Value>(payload), revision };
          }
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          await this.#parts.clock.sleep(retryPauseMs, ended.signal);
        }
      }
    } finally {
      for (const other of [signal, this.#closing.signal]) other.removeEventListener("abort", end);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#puts);
  }

  async #put(key: string, json: string | undefined, revision: number): Promise<number | undefined> {
    const stored = await this.#publish(key, json, revision);
    if (stored !== undefined || revision !== 0) return stored;
    // Absent: the last message says that the record was removed, or there is none.
    const last = await this.#last(key);
    if (last === undefined || !isRemoval(last)) return undefined;
    return json === undefined ? 0 : this.#publish(key, json, last.sequence);
  }

  /** The new revision, or undefined when the key's last message is not `expected`. */
  async #publish(key: string, json: string | undefined, expected: number): Promise<number | undefined> {
    if (json === undefined && expected === 0 && (await this.#last(key)) === undefined) return 0;
    if (json === undefined && expected === 0) return undefined;
    const put = randomBytes(9).toString("base64url");
    const published = await this.#parts.publisher.publish(
      {
        subject: this.#subjectOf(key),
        payload: [Buffer.from(json ?? "")],
        id: `${key}@${expected}`,
        expected,
        put,
        operation: json === undefined ? "DEL" : undefined,
      },
      putMsMax,
    );
    switch (published.kind) {
      case "stored":
        return published.sequence;
      case "failed":
        throw published.full ? natsFull(published.cause) : storeUncertain(published.cause);
      case "conflict":
      case "duplicate": {
        if (published.attempts === 1) return undefined;
        // An earlier attempt of ours may have been stored, with its acknowledgement lost.
        const last = await this.#last(key);
        if (last?.header(putHeader) === put) return last.sequence;
        if (published.kind === "conflict" && (last?.sequence ?? 0) <= expected) return undefined;
        throw storeUncertain(
          new Error("a record was replaced before it was known whether this put replaced it"),
        );
      }
    }
  }

  #last(key: string): Promise<RawMessage | undefined> {
    const { api, clock } = this.#parts;
    const subject = this.#subjectOf(key);
    const askedMs = clock.monotonicMs();
    return this.#gets.ask(subject, subject, async () => {
      // The questions before this one got no answer. A caller that has waited as long as one question may take does
      // not wait as long again.
      if (clock.monotonicMs() - askedMs >= answerMsMax)
        throw storeUncertain(new Error("NATS does not answer"));
      return api.fromLeader(this.#stream, { last_by_subj: subject });
    });
  }

  #subjectOf(key: string): string {
    return this.#subjectPrefix + swapped(key);
  }

  /** All subjects whose keys can start with `prefix`. */
  #source(prefix: string): { stream: string; filter: string } {
    const words = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    return { stream: this.#stream, filter: `${this.#subjectOf(words)}>` };
  }

  #recordOf({ subject, headers, data, sequence }: Pulled): RawRecord {
    const isRemoved = headers?.has(operationHeader) ?? false;
    const key = swapped(subject.slice(this.#subjectPrefix.length));
    return { key, payload: isRemoved ? undefined : data, revision: sequence };
  }
}

type RawRecord = {
  readonly key: string;
  readonly payload: Uint8Array | undefined;
  readonly revision: number;
};

const isRemoval = (message: RawMessage): boolean => message.header(operationHeader) !== "";

const parsed = <Value>(payload: Uint8Array): Value =>
  JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()) as Value;
