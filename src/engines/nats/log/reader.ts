/** Reads a channel in its stream: its last message, the next one after a place, and stretches of history. */
import { DeliverPolicy } from "nats";
import { fnv1a } from "../../../core/hash.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { storeUncertain } from "../../../errors/store.ts";
import { incarnationOf } from "../../incarnation.ts";
import { pull } from "../wire/pull.ts";
import type { RawMessage, StreamApi } from "../wire/stream-api.ts";
import { Interned } from "./interned.ts";
import { messagesAfter, type ReadingParts } from "./messages-after.ts";
import { type Place, placeOf } from "./shards.ts";
import { decodeMessage, type StoredMessage } from "./stored.ts";

/** The log's name, and the number of its streams and their copies, as it was created. */
type LogSettings = { readonly id: string; readonly shards: number; readonly replicas: number };

export class Reader {
  readonly #parts: ReadingParts;
  readonly #interned = new Interned();
  readonly #api: StreamApi;
  readonly #log: LogSettings;
  readonly #replicated: boolean;

  constructor(parts: ReadingParts, log: LogSettings) {
    this.#parts = parts;
    this.#api = parts.api;
    this.#log = log;
    this.#replicated = log.replicas > 1;
  }

  /** True when each stream has several copies, some of which may be incomplete. */
  get replicated(): boolean {
    return this.#replicated;
  }

  place(channel: ChannelId): Place {
    return placeOf(channel, this.#log.shards);
  }

  /**
   * The name of the channel's log. A channel that was destroyed and begins again keeps it, but its batches have other
   * marks.
   */
  incarnation(channel: ChannelId): string {
    return incarnationOf(this.#log.id, fnv1a(channel));
  }

  /** The channel's last message according to the stream's leader; undefined when there is none. */
  async last(channel: ChannelId): Promise<StoredMessage | undefined> {
    const { stream, log } = this.place(channel);
    const lookup = { last_by_subj: log };
    const ask = () =>
      this.#replicated ? this.#api.fromLeader(stream, lookup) : this.#api.direct(stream, lookup);
    return this.#ask(channel, "last", ask);
  }

  /** The last sequence of the channel's stream, of whichever channel. */
  lastOfStream(channel: ChannelId): Promise<number> {
    return this.#api.lastSequence(this.place(channel).stream);
  }

  /** The channel's first message after `sequence`. If a replica does not have it, the leader is asked. */
  async next(channel: ChannelId, sequence: number): Promise<StoredMessage | undefined> {
    const { stream, log } = this.place(channel);
    const lookup = { seq: sequence + 1, next_by_subj: log };
    const found = await this.#ask(channel, `next ${sequence}`, () => this.#api.direct(stream, lookup));
    return found ?? this.#fromLeader(channel, sequence);
  }

  /** The channel's message at `sequence`. */
  async at(channel: ChannelId, sequence: number): Promise<StoredMessage | undefined> {
    const { stream } = this.place(channel);
    return this.#ask(channel, `at ${sequence}`, () => this.#api.fromLeader(stream, { seq: sequence }));
  }

  /**
   * False for a void message. Servers before 2.9.21, and any server around a change of leader, may store two messages
   * that expect the same predecessor. The one directly after that predecessor counts; any other is void, which its
   * writer finds out in the same way, and then stores the batch again.
   */
  async counts(
    channel: ChannelId,
    { previous, sequence }: Pick<StoredMessage, "previous" | "sequence">,
  ): Promise<boolean> {
    if (!this.#replicated || previous + 1 === sequence) return true;
    // Asks the leader, since a replica may not have what was just acknowledged.
    const { stream, log } = this.place(channel);
    const first = await this.#api.fromLeader(stream, { seq: previous + 1, next_by_subj: log });
    return first === undefined || first.sequence >= sequence;
  }

  /**
   * True when the leader has a message of the channel after `after`, up to `until`. Rejects with `storeUncertain`
   * until the leader has reached `until`.
   */
  async hasAny(channel: ChannelId, after: number, until: number): Promise<boolean> {
    const { stream, log } = this.place(channel);
    const next = await this.#api.fromLeader(stream, { seq: after + 1, next_by_subj: log });
    if (next !== undefined) return next.sequence <= until;
    if ((await this.lastOfStream(channel)) < until) throw notReached(until);
    return false;
  }

  /**
   * The channel's messages after `after`, in order and including void ones, up to the one at `until`, or the last
   * before it if that one was trimmed. Rejects with `storeUncertain` while the stream's leader does not have it yet.
   */
  async *stretch(channel: ChannelId, after: number, until: number): AsyncGenerator<StoredMessage> {
    const { stream, log } = this.place(channel);
    const subject = { stream, subject: log };
    for (let at = after; at < until; ) {
      for await (const { sequence, payload } of messagesAfter(this.#parts, subject, at, until)) {
        at = sequence;
        yield this.#decoded(channel, payload, sequence);
        if (at >= until) return;
      }
      // If a replica does not have it, the leader is asked.
      const message = (await this.#fromLeader(channel, at)) ?? (await this.#confirmed(channel, at, until));
      if (message === undefined) return;
      at = message.sequence;
      yield message;
    }
  }

  /** The channel's first message that was stored at `timeMs` or later. */
  async since(channel: ChannelId, timeMs: number): Promise<StoredMessage | undefined> {
    const { stream, log } = this.place(channel);
    const time = new Date(timeMs).toISOString();
    const question = { stream, subject: log, start: { start_time: time } };
    const { kind, messages } = await this.#parts.batches.ask(question, 1);
    if (kind === "batch") {
      const [first] = messages;
      return first && this.#decoded(channel, first.payload, first.sequence);
    }
    // A server that knows no batches cannot look up by time either, and has returned the channel's first message.
    const start = { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time };
    for await (const { data, sequence } of pull(this.#parts, { stream, filter: log, start }, 1)) {
      return this.#decoded(channel, data, sequence);
    }
    return undefined;
  }

  async #fromLeader(channel: ChannelId, sequence: number): Promise<StoredMessage | undefined> {
    if (!this.#replicated) return undefined;
    const { stream, log } = this.place(channel);
    const lookup = { seq: sequence + 1, next_by_subj: log };
    return this.#ask(channel, `leader ${sequence}`, () => this.#api.fromLeader(stream, lookup));
  }

  // A new leader may not have applied everything that the old one published. Only when it has does a missing message
  // mean that it was trimmed.
  async #confirmed(channel: ChannelId, at: number, until: number): Promise<StoredMessage | undefined> {
    if (!this.#replicated) return undefined;
    if ((await this.lastOfStream(channel)) < until) {
      throw notReached(until);
    }
    return this.next(channel, at);
  }

  /** One message, decoded once for all callers that share the answer. */
  #ask(
    channel: ChannelId,
    name: string,
    question: () => Promise<RawMessage | undefined>,
  ): Promise<StoredMessage | undefined> {
    const { log } = this.place(channel);
    const decoded = async () => {
      const found = await question();
      return found?.subject === log ? this.#decoded(channel, found.payload, found.sequence) : undefined;
    };
    return this.#parts.slots.ask(log, `${log} ${name}`, decoded);
  }

  #decoded(channel: ChannelId, payload: Uint8Array, sequence: number): StoredMessage {
    const message = decodeMessage(payload, sequence, this.incarnation(channel));
    return { ...message, batch: this.#interned.of(this.place(channel).stream, message.batch) };
  }
}

const notReached = (sequence: number) =>
  storeUncertain(new Error(`the stream's leader has not reached message ${sequence} yet`));
