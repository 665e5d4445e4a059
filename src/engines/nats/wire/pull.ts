/** Reads many messages of a stream, in order, by pull consumers that live as long as the reading. */
import { AckPolicy, createInbox, type Msg, ReplayPolicy } from "nats";
import { storeUncertain } from "../../../errors/store.ts";
import type { Clock } from "../../../ports.ts";
import type { PullSlots } from "./pull-slots.ts";
import type { StreamApi } from "./stream-api.ts";
import type { Wire } from "./wire.ts";

/** The parts that reading takes. */
export type PullParts = {
  readonly wire: Wire;
  readonly api: StreamApi;
  readonly clock: Clock;
  /** Places of all readers of the connection together; absent for those that read little. */
  readonly slots?: PullSlots;
};

/** The messages that are asked for, and their stream. */
export type Source = {
  readonly stream: string;
  /** One subject, wildcards allowed. */
  readonly filter: string;
  /** A deliver policy and its place. */
  readonly start: object;
};

export type Pulled = { readonly msg: Msg; readonly sequence: number };

/** The bound of one pull, by the size of what came before it. */
const pullBytesMax = 256 * 1024;
const pullMessagesMax = 500;
/** Nothing is known of their size yet: a batch of lines has up to 512 KiB. */
const firstPullMessages = 1;
/** A pull is answered by messages or by its end. */
const pullMsMax = 3000;
const answerMsMax = 5000;
/** A consumer whose reader died goes by itself. */
const consumerIdleMs = 30_000;

/**
 * All messages that the stream has when this is called, `messagesMax` at most. Rejects when the server stops
 * answering: the caller goes on behind the last message that it got.
 */
export async function* pull(
  parts: PullParts,
  source: Source,
  messagesMax = Number.POSITIVE_INFINITY,
): AsyncGenerator<Pulled> {
  const consumer = await Consumer.open(parts, source);
  try {
    let left = Math.min(consumer.pending, messagesMax);
    let batch = Math.min(firstPullMessages, left);
    while (left > 0) {
      await parts.slots?.take(source.filter);
      consumer.request(batch, () => parts.slots?.release());
      let bytes = 0;
      for (let got = 0; got < batch; got++) {
        const pulled = await consumer.next();
        if (pulled === undefined) throw brokeOff(source);
        bytes += pulled.msg.data.length;
        yield pulled;
      }
      left -= batch;
      batch = Math.min(left, pullMessagesMax, Math.max(1, Math.floor(pullBytesMax / (bytes / batch + 1))));
    }
  } finally {
    consumer.close();
  }
}

/**
 * All messages that the stream has, then `caught-up`, then each that comes, until `signal` is aborted. Rejects when
 * the server stops answering or the connection was renewed.
 */
export async function* pullOn(
  parts: PullParts,
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<Pulled | "caught-up"> {
  const consumer = await Consumer.open(parts, source);
  const end = () => consumer.end();
  const forget = parts.wire.onReconnect(end);
  signal.addEventListener("abort", end);
  try {
    let left = consumer.pending;
    if (left === 0) yield "caught-up";
    while (!signal.aborted) {
      consumer.request(pullMessagesMax);
      for (let got = 0; got < pullMessagesMax; got++) {
        const pulled = await consumer.next();
        if (signal.aborted) return;
        if (pulled === undefined) {
          if (consumer.isOver) throw brokeOff(source);
          break; // the pull's time is up
        }
        yield pulled;
        if (--left === 0) yield "caught-up";
      }
    }
  } finally {
    forget();
    signal.removeEventListener("abort", end);
    consumer.close();
  }
}

const brokeOff = ({ filter }: Source) => storeUncertain(new Error(`the reading of ${filter} broke off`));

/** One consumer and what it has sent; bounded by the pulls that ask for it. */
class Consumer {
  /** How many messages it had to give when it was made. */
  readonly pending: number;
  /** It has lost a message, or does not answer: there is nothing more to be had from it. */
  isOver = false;
  readonly #parts: PullParts;
  readonly #stream: string;
  readonly #name: string;
  readonly #inbox = createInbox();
  readonly #unsubscribe: () => void;
  readonly #closing = new AbortController();
  readonly #queue: Msg[] = [];
  #wake: ((msg: Msg | undefined) => void) | undefined;
  #delivered = 0;
  /** Messages of the pull that have not arrived yet, and whom to tell when all have. */
  #awaited = 0;
  #arrived: (() => void) | undefined;
  /** An arrival that is waited for has to come until then. */
  #giveUpAtMs = 0;
  #isWatching = false;

  static async open(parts: PullParts, { stream, filter, start }: Source): Promise<Consumer> {
    const { name, pending } = await parts.api.addConsumer(stream, {
      ...start,
      filter_subject: filter, // as one string: a list hangs on 2.9
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      inactive_threshold: consumerIdleMs * 1_000_000,
      mem_storage: true,
      num_replicas: 1,
    });
    return new Consumer(parts, stream, name, pending);
  }

  constructor(parts: PullParts, stream: string, name: string, pending: number) {
    this.#parts = parts;
    this.#stream = stream;
    this.#name = name;
    this.pending = pending;
    this.#unsubscribe = parts.wire.subscribe(this.#inbox, (msg) => {
      // The pull is over when all of it is here, or the server says so.
      if (--this.#awaited <= 0 || placeOf(msg) === undefined) this.#tellArrived();
      if (this.#wake === undefined) this.#queue.push(msg);
      else this.#wake(msg);
    });
  }

  /** Asks for `batch` messages. `arrived` is called once: when they are here, or will not come. */
  request(batch: number, arrived?: () => void): void {
    this.#awaited = batch;
    this.#arrived = arrived;
    const request = JSON.stringify({ batch, expires: pullMsMax * 1_000_000 });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`;
    this.#parts.wire.publish(subject, request, { reply: this.#inbox });
  }

  /** The next message; undefined: the pull's time is up, or the consumer is over. */
  async next(): Promise<Pulled | undefined> {
    if (this.isOver) return undefined;
    const msg = this.#queue.shift() ?? (await this.#arrival());
    if (msg === undefined) {
      this.isOver = true;
      return undefined;
    }
    const place = placeOf(msg);
    if (place === undefined) {
      const code = msg.headers?.code ?? 0;
      this.isOver = code !== 404 && code !== 408;
      return undefined;
    }
    this.#delivered++;
    this.isOver = place.delivery !== this.#delivered;
    return this.isOver ? undefined : { msg, sequence: place.sequence };
  }

  end(): void {
    this.isOver = true;
    this.#wake?.(undefined);
  }

  close(): void {
    this.#closing.abort();
    this.#tellArrived();
    this.#unsubscribe();
    const { wire, api } = this.#parts;
    if (wire.connected) void api.removeConsumer(this.#stream, this.#name).catch(() => {});
  }

  #tellArrived(): void {
    const arrived = this.#arrived;
    this.#arrived = undefined;
    arrived?.();
  }

  #arrival(): Promise<Msg | undefined> {
    return new Promise((resolve) => {
      this.#giveUpAtMs = this.#parts.clock.monotonicMs() + answerMsMax;
      this.#wake = (arrived) => {
        this.#wake = undefined;
        resolve(arrived);
      };
      if (!this.#isWatching) void this.#watch();
    });
  }

  /** One sleeper for all arrivals: a timer for each message would cost more than the message. */
  async #watch(): Promise<void> {
    const { clock } = this.#parts;
    this.#isWatching = true;
    while (!this.#closing.signal.aborted) {
      const leftMs = this.#giveUpAtMs - clock.monotonicMs();
      if (leftMs > 0) await clock.sleep(leftMs, this.#closing.signal);
      else if (this.#wake === undefined) break;
      else this.#wake(undefined);
    }
    this.#isWatching = false;
  }
}

/** From the reply subject `$JS.ACK[.DOMAIN.ACCOUNT].STREAM.CONSUMER.TRIES.SEQUENCE.DELIVERY.TIME.PENDING`. */
function placeOf({ reply }: Msg): { sequence: number; delivery: number } | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  const skip = tokens.length > 9 ? 2 : 0;
  return { sequence: Number(tokens[5 + skip]), delivery: Number(tokens[6 + skip]) };
}
