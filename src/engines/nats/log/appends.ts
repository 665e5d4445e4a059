/**
 * Appending. Every message carries the running number of its first line, so all writers of a channel must agree on
 * its end. Each publish names the message that it expects to be the last; a writer that was wrong reads the end again
 * and tries the next place. Within one process, one append of a channel is under way at a time.
 */
import assert from "node:assert";
import { type Batch, encodedBytes, endOf } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { logOf, positionAt } from "../../../core/position.ts";
import { natsFull, storeUnavailable, storeUncertain } from "../../../errors/store.ts";
import type { Appended, Clock } from "../../../ports.ts";
import type { Publish, Published, Publisher } from "../wire/publisher.ts";
import type { FailingStreams } from "./failing-streams.ts";
import type { Heads } from "./heads.ts";
import type { LiveChannels } from "./live.ts";
import { partsOf } from "./parts.ts";
import type { Reader } from "./reader.ts";
import type { Retention } from "./retention.ts";
import { encodeMessage, type Head, headAfter, messageOverheadBytes, type StoredMessage } from "./stored.ts";
import type { Turns } from "./turns.ts";

type AppendsOptions = {
  readonly publisher: Publisher;
  readonly reader: Reader;
  readonly heads: Heads;
  readonly retention: Retention;
  readonly turns: Turns;
  readonly clock: Clock;
  /** Batches of this process that are being stored, by channel. */
  readonly underWay: Map<ChannelId, Batch>;
  /** Told of each append that fails, and of each that is stored. */
  readonly failing: Pick<FailingStreams, "failed" | "stored">;
  /** Told of what is stored, for the followers in this process. */
  readonly live: LiveChannels;
  /** The largest message; a larger batch is split. */
  readonly payloadBytesMax: () => number;
  /** True when that stream was deleted, or the records without which nobody reads it. */
  readonly isGone: (stream: string) => boolean;
  /** True when an acknowledgement of this stream counts only after a look at the message before it (decision 002). */
  readonly checksPredecessor: (stream: string) => boolean;
};

/** For one append, including the election of a leader. */
const appendMsMax = 15_000;
/** Bound of a message's headers: subject, message id, expectations. */
const headerBytesMax = 1024;
/** After this many conflicts in a row a writer pauses between its attempts. */
const conflictsAtOnce = 3;
const conflictPauseMsMax = 6;
/** Between looks at a place where a message may have been stored. */
const unsurePauseMs = 50;

/** Work that waits for its turn in a channel; it calls `done` when the next may start. */
type Entry = (done: () => void) => void;

/** Receives the work that gives an append its result. */
type Settle = (work: () => Appended | Promise<Appended>) => void;

/** The first attempt at a place, with the server's answer. */
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
    const { reader, failing, isGone } = this.#options;
    const { stream } = reader.place(channel);
    if (isGone(stream)) return Promise.reject(storeUnavailable(new Error("streams were deleted from NATS")));
    const giveUpAtMs = this.#options.clock.monotonicMs() + appendMsMax;
    return new Promise((resolve, refuse) => {
      const reject = (error: unknown) => {
        failing.failed(stream, error);
        refuse(error);
      };
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

  /** Runs `work` after all appends that were called before, and before all that are called later. */
  between(channel: ChannelId, work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#inTurn(channel, (done) => void work().then(resolve, reject).then(done));
    });
  }

  /** Refuses new appends and waits for those under way. Idempotent. */
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

  // Waits for one turn of another writer's, but not for turns that are given meanwhile, which might never end.
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

  // Usually the channel's end is known, one message holds the batch, and the acknowledgement settles it: then there
  // is nothing else to wait for. Any other case continues in `#storeMessage`.
  #store(channel: ChannelId, batch: Batch, giveUpAtMs: number, settle: Settle): void {
    const { publisher, reader, heads, live, clock, payloadBytesMax, checksPredecessor } = this.#options;
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
        if (published.kind !== "stored" || checksPredecessor(stream)) return theLongWay({ head, published });
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
    // Each part has its own id: a repeat of the whole batch finds the parts that are stored and stores the others.
    let appended: Appended | undefined;
    let repeated = true;
    for (const part of partsOf(batch, bytesMax)) {
      appended = await this.#storeMessage(channel, part, part.dedupId, giveUpAtMs);
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
    const { publisher, reader, heads, turns, live, clock, checksPredecessor } = this.#options;
    const { stream } = reader.place(channel);
    this.#options.underWay.set(channel, batch);
    let losing: ReturnType<Turns["loser"]> | undefined;
    let suffix = "";
    /**
     * A place where the batch may have been stored already. It is tried again there, whatever is known of the
     * channel's end.
     */
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
          if (
            !checksPredecessor(stream) ||
            (await reader.counts(channel, { sequence, previous: head.sequence }))
          ) {
            live.stored(channel, head, batch, sequence);
            return stored(sequence, head);
          }
          suffix = `~${sequence}`;
          break;
        }
        case "duplicate": {
          const { sequence, attempts } = published;
          const mayBeOwn = unsureOf !== undefined || attempts > 1;
          const found = await this.#repeatOf(channel, batch, sequence, mayBeOwn);
          if (found !== undefined) return found;
          suffix = `~${sequence}`;
          break;
        }
        case "conflict": {
          if (published.attempts > 1) unsureOf = head;
          const found = unsureOf ? await this.#inTheWay(channel, head, batch) : "another";
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

  /**
   * The append for which the server takes this one as a repeat, since the id of the message at `sequence` is the same.
   * Undefined: that message does not count. `mayBeOwn`: an earlier attempt of ours may have stored it.
   */
  async #repeatOf(
    channel: ChannelId,
    batch: Batch,
    sequence: number,
    mayBeOwn: boolean,
  ): Promise<Appended | undefined> {
    const { reader, heads } = this.#options;
    const found = await reader.at(channel, sequence);
    if (found === undefined) {
      // If it was trimmed, it was stored. If the channel was destroyed, it was a line of the channel before that.
      const isEmpty = (await heads.read(channel)).sequence === 0;
      if (isEmpty) return undefined;
      const position = positionAt(sequence, batch.count, logOf(reader.incarnation(channel)));
      return { position, repeated: true };
    }
    if (!(await reader.counts(channel, found))) return undefined;
    if (mayBeOwn && isSameAppend(found.batch, batch))
      return this.#moved(channel, batch, sequence, linesBefore(found));
    return { position: endOf(found.batch), repeated: true };
  }

  #moved(channel: ChannelId, batch: Batch, at: number, before: Omit<Head, "sequence">): Appended {
    const head = headAfter(before, batch, at);
    this.#options.failing.stored(this.#options.reader.place(channel).stream);
    const position = this.#options.heads.moved(channel, head, batch);
    const { line, bytes } = before;
    this.#options.retention.grown(channel, head, { sequence: at - 1, line, bytes });
    return { position, repeated: false };
  }

  /**
   * The message in the way may be our own, stored or still under way, with its acknowledgement lost. While
   * nothing is seen there, the same message must be published again, at the same place and under the same id.
   */
  async #inTheWay(
    channel: ChannelId,
    { sequence }: Head,
    batch: Batch,
  ): Promise<StoredMessage | "another" | "unseen"> {
    const { reader, clock } = this.#options;
    const first = await reader.next(channel, sequence);
    if (first === undefined) await clock.sleep(unsurePauseMs);
    if (first === undefined) return "unseen";
    return first.previous === sequence && isSameAppend(first.batch, batch) ? first : "another";
  }
}

// Without a dedup id, the place is part of the id. Of all attempts at one place only one is stored, and a late
// attempt, after another writer's message, is void or refused.
const idAt = (head: Head, batch: Batch, dedupId: string | undefined): string =>
  dedupId ?? `${batch.producer}.${batch.firstLine}.${head.sequence}`;

const isSameAppend = (one: Omit<Batch, "dedupId">, other: Batch): boolean =>
  one.producer === other.producer && one.firstLine === other.firstLine;

const linesBefore = ({ batch, bytes }: StoredMessage) => ({ line: batch.line, bytes });
