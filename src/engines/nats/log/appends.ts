/**
 * Writing. Every message carries its running line number, so the writers of a channel have to agree on its end: each
 * publish names the message that it takes for the last, and one that was wrong reads the end again and takes the next
 * place. In one process one append of a channel is under way at a time.
 */
import assert from "node:assert";
import { type Batch, encodedBytes, endOf, type StoredBatch } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { logOf, positionAt } from "../../../core/position.ts";
import { natsFull, storeUnavailable, storeUncertain } from "../../../errors/store.ts";
import type { Appended, Clock } from "../../../ports.ts";
import type { Publish, Published, Publisher } from "../wire/publisher.ts";
import type { Heads } from "./heads.ts";
import type { LiveChannels } from "./live.ts";
import { partsOf } from "./parts.ts";
import type { Reader } from "./reader.ts";
import type { Retention } from "./retention.ts";
import { encodeMessage, type Head, headBehind, messageOverheadBytes, type StoredMessage } from "./stored.ts";
import type { Turns } from "./turns.ts";

type AppendsOptions = {
  readonly publisher: Publisher;
  readonly reader: Reader;
  readonly heads: Heads;
  readonly retention: Retention;
  readonly turns: Turns;
  readonly clock: Clock;
  /** Written here: the batch of each channel that is being stored. */
  readonly underWay: Map<ChannelId, Batch>;
  /** Told what is stored, for this process's own followers. */
  readonly live: LiveChannels;
  /** Bytes that a message may weigh; a larger batch goes in several. */
  readonly payloadBytesMax: () => number;
  /** Is an acknowledgement of this stream only believed after a look behind the message before (decision 002)? */
  readonly looksBehind: (stream: string) => boolean;
};

/** One append, elections of a leader included. */
const appendMsMax = 15_000;
/** Headers: the subject, the message id, what is expected. */
const headerBytesMax = 1024;
/** After this many conflicts in a row a writer pauses between its attempts. */
const conflictsAtOnce = 3;
const conflictPauseMsMax = 6;
/** Until it is seen what is in the way of a message that may be stored already. */
const unsurePauseMs = 50;

/** Work that waits for its turn in a channel, and calls `done` when the next may begin. */
type Entry = (done: () => void) => void;

/** Takes what an append comes to. */
type Settle = (work: () => Appended | Promise<Appended>) => void;

/** The first attempt at a place, and what the server said to it. */
type Attempt = { readonly head: Head; readonly published: Published };

export class Appends {
  readonly #options: AppendsOptions;
  readonly #queues = new Map<ChannelId, Entry[]>();
  #closed: Promise<void> | undefined;
  #lastDone: () => void = () => {};

  constructor(options: AppendsOptions) {
    this.#options = options;
  }

  /** `ChannelLog.append`. */
  append(channel: ChannelId, batch: Batch): Promise<Appended> {
    assert(batch.count > 0);
    if (this.#closed !== undefined) return Promise.reject(storeUnavailable(new Error("the log is closed")));
    const giveUpAtMs = this.#options.clock.monotonicMs() + appendMsMax;
    return new Promise((resolve, reject) => {
      this.#inTurn(channel, (done) => {
        const settle = (work: () => Appended | Promise<Appended>) => {
          try {
            const result = work();
            if (result instanceof Promise) {
              void result.then(resolve, reject).then(done);
              return;
            }
            resolve(result);
          } catch (error) {
            reject(error);
          }
          done();
        };
        this.#store(channel, batch, giveUpAtMs, settle);
      });
    });
  }

  /** Runs `work` between the appends that were called before and those that are called after. */
  between(channel: ChannelId, work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#inTurn(channel, (done) => void work().then(resolve, reject).then(done));
    });
  }

  /** Takes no more and waits for what it has. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#lastDone = resolve;
      if (this.#queues.size === 0) resolve();
    });
    return this.#closed;
  }

  #inTurn(channel: ChannelId, entry: Entry): void {
    const queue = this.#queues.get(channel);
    if (queue !== undefined) queue.push(entry);
    else {
      const started = [entry];
      this.#queues.set(channel, started);
      this.#next(channel, started);
    }
  }

  #next(channel: ChannelId, queue: Entry[]): void {
    if (queue.length === 0) {
      this.#queues.delete(channel);
      if (this.#queues.size === 0) this.#lastDone();
      return;
    }
    const starting = this.#options.live.starting(channel);
    if (starting === undefined) this.#begin(channel, queue);
    else void starting.then(() => this.#begin(channel, queue));
  }

  // One turn of others is waited for, and not those that are given meanwhile: they would have no end.
  #begin(channel: ChannelId, queue: Entry[]): void {
    const run = () =>
      queue.shift()!(() => {
        this.#options.underWay.delete(channel);
        this.#next(channel, queue);
      });
    const turn = this.#options.turns.wait(channel);
    if (turn === undefined) run();
    else void turn.then(run);
  }

  // Nearly always the channel's end is known, one message takes the batch, and its acknowledgement says all: then that is all
  // that is waited for. Anything else takes the long way, which goes on from there.
  #store(channel: ChannelId, batch: Batch, giveUpAtMs: number, settle: Settle): void {
    const { publisher, reader, heads, live, clock, payloadBytesMax, looksBehind } = this.#options;
    const bytesMax = payloadBytesMax() - headerBytesMax - messageOverheadBytes;
    if (encodedBytes(batch) > bytesMax) {
      settle(() => this.#storeParts(channel, batch, bytesMax, giveUpAtMs));
      return;
    }
    const head = heads.known(channel);
    const leftMs = giveUpAtMs - clock.monotonicMs();
    const theLongWay = (first?: Attempt) =>
      this.#storeMessage(channel, batch, batch.dedupId, giveUpAtMs, first);
    if (head === undefined || leftMs <= 0) {
      settle(() => theLongWay());
      return;
    }
    this.#options.underWay.set(channel, batch);
    const { stream } = reader.place(channel);
    live.storing(channel);
    const message = this.#messageOf(channel, batch, idAt(head, batch, batch.dedupId), head);
    publisher.send(message, leftMs, (published) =>
      settle(() => {
        if (published.kind !== "stored" || looksBehind(stream)) return theLongWay({ head, published });
        live.stored(channel, head, batch, published.sequence);
        return this.#moved(channel, batch, published.sequence, head);
      }),
    );
  }

  #messageOf(channel: ChannelId, batch: Batch, id: string, head: Head): Publish {
    const { log } = this.#options.reader.place(channel);
    return {
      subject: log,
      payload: encodeMessage(head, batch),
      id: `${channel}:${id}`,
      expected: head.sequence,
    };
  }

  async #storeParts(
    channel: ChannelId,
    batch: Batch,
    bytesMax: number,
    giveUpAtMs: number,
  ): Promise<Appended> {
    // Each part has an id of its own: a repeat of the whole finds those that are stored and stores the others.
    let appended: Appended | undefined;
    let repeated = true;
    for (const [number, part] of partsOf(batch, bytesMax).entries()) {
      const id = batch.dedupId === undefined ? undefined : `${batch.dedupId}/${number}`;
      appended = await this.#storeMessage(channel, part, id, giveUpAtMs);
      repeated &&= appended.repeated;
    }
    assert(appended !== undefined);
    return { ...appended, repeated };
  }

  async #storeMessage(
    channel: ChannelId,
    batch: Batch,
    dedupId: string | undefined,
    giveUpAtMs: number,
    first?: Attempt,
  ): Promise<Appended> {
    const { publisher, reader, heads, turns, live, clock, looksBehind } = this.#options;
    const { stream } = reader.place(channel);
    this.#options.underWay.set(channel, batch);
    let losing: ReturnType<Turns["loser"]> | undefined;
    const isOwn = (other: Batch | Omit<Batch, "dedupId">) =>
      other.producer === batch.producer && other.firstLine === batch.firstLine;
    let suffix = "";
    /** A place where the batch may be stored already: whatever is known of the channel's end, it is tried there again. */
    let unsureOf: Head | undefined;
    for (let conflicts = 0; ; conflicts++) {
      if (conflicts > conflictsAtOnce) await clock.sleep(Math.random() * conflictPauseMsMax);
      const made = conflicts === 0 ? first : undefined;
      const leftMs = giveUpAtMs - clock.monotonicMs();
      if (leftMs <= 0 && made === undefined)
        throw storeUncertain(new Error(`gave up after ${conflicts} other writers were faster`));
      const head = made?.head ?? unsureOf ?? heads.known(channel) ?? (await heads.read(channel));
      const id = idAt(head, batch, dedupId) + suffix;
      if (made === undefined) live.storing(channel);
      const published =
        made?.published ?? (await publisher.publish(this.#messageOf(channel, batch, id, head), leftMs));
      const stored = (at: number, before: Omit<Head, "sequence">) => this.#moved(channel, batch, at, before);
      if (published.kind !== "stored") live.shared(channel);
      switch (published.kind) {
        case "stored": {
          const { sequence } = published;
          if (!looksBehind(stream) || (await reader.counts(channel, { sequence, previous: head.sequence }))) {
            live.stored(channel, head, batch, sequence);
            return stored(sequence, head);
          }
          suffix = `~${sequence}`;
          break;
        }
        case "duplicate": {
          const { sequence } = published;
          const before = await reader.at(channel, sequence);
          if (before === undefined) {
            // Trimmed: it was stored. Destroyed: it was the line of another life.
            const isEmpty = (await heads.read(channel)).sequence === 0;
            const position = positionAt(sequence, batch.count, logOf(reader.incarnation(channel)));
            if (!isEmpty) return { position, repeated: true };
          } else if (await reader.counts(channel, before)) {
            if ((unsureOf !== undefined || published.attempts > 1) && isOwn(before.batch))
              return stored(sequence, linesBefore(before));
            return { position: endOf(before.batch), repeated: true };
          }
          suffix = `~${sequence}`;
          break;
        }
        case "conflict": {
          if (published.attempts > 1) unsureOf = head;
          const found = unsureOf ? await this.#inTheWay(channel, head, isOwn) : "another";
          if (found === "unseen") continue;
          if (found !== "another") return stored(found.sequence, linesBefore(found));
          break;
        }
        case "failed":
          heads.forget(channel);
          throw published.full ? natsFull(published.cause) : storeUncertain(published.cause);
      }
      unsureOf = undefined;
      losing ??= turns.loser(channel);
      losing.lost();
      await heads.read(channel);
    }
  }

  #moved(channel: ChannelId, batch: Batch, at: number, before: Omit<Head, "sequence">): Appended {
    const head = headBehind(before, batch, at);
    const position = this.#options.heads.moved(channel, head, batch);
    const { line, bytes } = before;
    this.#options.retention.grown(channel, head, { sequence: at - 1, line, bytes });
    return { position, repeated: false };
  }

  /**
   * Our own message may be what is in the way: stored, or under way, and its acknowledgement lost. As long as nothing is
   * seen there, the same has to be published again at the same place, under the same id.
   */
  async #inTheWay(
    channel: ChannelId,
    { sequence }: Head,
    isOwn: (batch: StoredBatch) => boolean,
  ): Promise<StoredMessage | "another" | "unseen"> {
    const { reader, clock } = this.#options;
    const first = await reader.next(channel, sequence);
    if (first === undefined) await clock.sleep(unsurePauseMs);
    if (first === undefined) return "unseen";
    return first.previous === sequence && isOwn(first.batch) ? first : "another";
  }
}

// Without a dedup id the place is part of the id: of all attempts at one place one is stored, and an attempt that comes
// late, behind another writer's message, is void or refused.
const idAt = (head: Head, batch: Batch, dedupId: string | undefined): string =>
  dedupId ?? `${batch.producer}.${batch.firstLine}.${head.sequence}`;

const linesBefore = ({ batch, bytes }: StoredMessage) => ({ line: batch.line, bytes });
