/** Reads the stream of a channel: its last message, the next one behind a place, and stretches of history. */
import { DeliverPolicy } from "nats";
import { fnv1a } from "../../../core/hash.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { storeUncertain } from "../../../errors/store.ts";
import { incarnationOf } from "../../incarnation.ts";
import { pull } from "../wire/pull.ts";
import type { RawMessage, StreamApi } from "../wire/stream-api.ts";
import { type BehindParts, behind } from "./behind.ts";
import { Interned } from "./interned.ts";
import { type Place, placeOf } from "./shards.ts";
import { decodeMessage, type StoredMessage } from "./stored.ts";

/** How the log was made: its name, the number of its streams and of their copies. */
type LogSettings = { readonly id: string; readonly shards: number; readonly replicas: number };

export class Reader {
  readonly #parts: BehindParts;
  readonly #interned = new Interned();
  readonly #api: StreamApi;
  readonly #log: LogSettings;
  readonly #replicated: boolean;

  constructor(parts: BehindParts, log: LogSettings) {
    this.#parts = parts;
    this.#api = parts.api;
    this.#log = log;
    this.#replicated = log.replicas > 1;
  }

  /** There are several copies of each stream: one may not have all yet. */
  get replicated(): boolean {
    return this.#replicated;
  }

  place(channel: ChannelId): Place {
    return placeOf(channel, this.#log.shards);
  }

  /** The name of the channel's log. One that is destroyed and begins again keeps it: its batches have other marks. */
  incarnation(channel: ChannelId): string {
    return incarnationOf(this.#log.id, fnv1a(channel));
  }

  /** The channel's last message as the stream's leader has it, undefined when there is none. */
  async last(channel: ChannelId): Promise<StoredMessage | undefined> {
    const { stream, log } = this.place(channel);
    const lookup = { last_by_subj: log };
    const ask = () =>
      this.#replicated ? this.#api.fromLeader(stream, lookup) : this.#api.direct(stream, lookup);
    return this.#ask(channel, "last", ask);
  }

  /** The last sequence of the channel's stream, whosever it is. */
  lastOfStream(channel: ChannelId): Promise<number> {
    return this.#api.lastSequence(this.place(channel).stream);
  }

  /** The channel's first message behind `sequence`. A replica may lag: what it has not, the leader is asked for. */
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
   * Does this message count? Servers before 2.9.21, and any server around a change of its leader, may store two
   * messages that expect the same predecessor. The one directly behind that predecessor counts; any other is void:
   * its writer finds out in the same way and stores the batch again.
   */
  async counts(
    channel: ChannelId,
    { previous, sequence }: Pick<StoredMessage, "previous" | "sequence">,
  ): Promise<boolean> {
    if (!this.#replicated || previous + 1 === sequence) return true;
    // The leader: a replica may be a little behind an acknowledgement.
    const { stream, log } = this.place(channel);
    const first = await this.#api.fromLeader(stream, { seq: previous + 1, next_by_subj: log });
    return first === undefined || first.sequence >= sequence;
  }

  /**
   * Has the leader a message of the channel behind `after`, up to `until`? Rejects with `storeUncertain` while it has not
   * reached that one.
   */
  async hasAny(channel: ChannelId, after: number, until: number): Promise<boolean> {
    const { stream, log } = this.place(channel);
    const next = await this.#api.fromLeader(stream, { seq: after + 1, next_by_subj: log });
    if (next !== undefined) return next.sequence <= until;
    if ((await this.lastOfStream(channel)) < until) throw notReached(until);
    return false;
  }

  /**
   * The channel's messages behind `after`, in order, void ones too, up to the one at `until`, or the last before it
   * when that one is trimmed. Rejects with `storeUncertain` while the stream's leader does not have it yet.
   */
  async *stretch(channel: ChannelId, after: number, until: number): AsyncGenerator<StoredMessage> {
    const { stream, log } = this.place(channel);
    const subject = { stream, subject: log };
    for (let at = after; at < until; ) {
      for await (const { sequence, payload } of behind(this.#parts, subject, at, until)) {
        at = sequence;
        yield this.#decoded(channel, payload, sequence);
        if (at >= until) return;
      }
      // A replica may lag: what it has not, the leader is asked for.
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
    // A server that knows no batches knows no time either: that was the channel's first message.
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

  // A new leader may not have applied yet what the old one sent out: absent means trimmed only once it has.
  async #confirmed(channel: ChannelId, at: number, until: number): Promise<StoredMessage | undefined> {
    if (!this.#replicated) return undefined;
    if ((await this.lastOfStream(channel)) < until) {
      throw notReached(until);
    }
    return this.next(channel, at);
  }

  /** One message, decoded once for all who ask the same and share the answer. */
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
