/** A pull consumer that lives as long as one reading, and the messages that it has sent. */
import { AckPolicy, createInbox, type Msg, type MsgHdrs, ReplayPolicy } from "nats";
import type { Clock } from "../../../ports.ts";
import type { PullSlots } from "./pull-slots.ts";
import type { StreamApi } from "./stream-api.ts";
import type { Holder, Untaken } from "./untaken.ts";
import type { Wire } from "./wire.ts";

/** The parts that readers need. */
export type PullParts = {
  readonly wire: Wire;
  readonly api: StreamApi;
  readonly clock: Clock;
  /** The pulls that all readers of the connection share; absent for those that read little. */
  readonly slots?: PullSlots;
  /** The memory that all readers of the connection share; absent for those that read at once. */
  readonly untaken?: Untaken;
};

/** A stream and the messages to read from it. */
export type Source = {
  readonly stream: string;
  /** One subject, wildcards allowed. */
  readonly filter: string;
  /** A deliver policy, with the place that it refers to. */
  readonly start: object;
};

/** `data` is in memory of its own. */
export type Pulled = {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
};

/** A pull is answered with messages or with its end. */
const pullMsMax = 3000;
const answerMsMax = 5000;
/** The server removes a consumer after this long without a reader. */
const consumerIdleMs = 30_000;

/** Bounded by the pulls under way, and by what all readers may hold. */
export class Consumer implements Holder {
  /** The number of messages that were waiting when it was created. */
  readonly pending: number;
  /** True when it has lost a message or does not answer: nothing more will come from it. */
  isOver = false;
  /** True when its messages were dropped for those of others. */
  isDropped = false;
  readonly #parts: PullParts;
  readonly #stream: string;
  readonly #name: string;
  readonly #inbox = createInbox();
  readonly #unsubscribe: () => void;
  readonly #closing = new AbortController();
  #queue: Arrived[] = [];
  #wake: ((arrived: Arrived | undefined) => void) | undefined;
  #delivered = 0;
  /** Messages of the pull that have not arrived yet, and the callback for when they have. */
  #awaited = 0;
  #arrived: (() => void) | undefined;
  /** When to stop waiting for an arrival. */
  #giveUpAtMs = 0;
  #isWatching = false;

  static async open(parts: PullParts, { stream, filter, start }: Source): Promise<Consumer> {
    const { name, pending } = await parts.api.addConsumer(stream, {
      ...start,
      filter_subject: filter, // as one string, because server 2.9 hangs on a list
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
    this.#unsubscribe = parts.wire.subscribe(this.#inbox, (msg) => this.#take(msg));
  }

  /** Asks for `batch` messages. `arrived` is called once: when they are here, or will not come. */
  request(batch: number, arrived?: () => void): void {
    this.#awaited = batch;
    this.#arrived = arrived;
    const request = JSON.stringify({ batch, expires: pullMsMax * 1_000_000 });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`;
    this.#parts.wire.publish(subject, request, { reply: this.#inbox });
  }

  /** The next message; undefined when the pull has timed out or the consumer is over. */
  async next(): Promise<Pulled | undefined> {
    if (this.isOver) return undefined;
    const queued = this.#queue.shift();
    if (queued !== undefined) this.#parts.untaken?.taken(this, queued.data.length);
    const arrived = queued ?? (await this.#arrival());
    if (arrived === undefined) {
      this.isOver = true;
      return undefined;
    }
    const { place, headers } = arrived;
    if (place === undefined) {
      const code = headers?.code ?? 0;
      this.isOver = code !== 404 && code !== 408;
      return undefined;
    }
    this.#delivered++;
    this.isOver = place.delivery !== this.#delivered;
    return this.isOver ? undefined : { ...arrived, sequence: place.sequence };
  }

  end(): void {
    this.isOver = true;
    this.#wake?.(undefined);
  }

  /** Drops what has arrived, and does not wait for the rest. */
  drop(): void {
    this.#queue = [];
    this.isDropped = true;
    this.isOver = true;
    this.#tellArrived();
  }

  close(): void {
    this.#closing.abort();
    this.#parts.untaken?.end(this);
    this.#tellArrived();
    this.#unsubscribe();
    const { wire, api } = this.#parts;
    if (wire.connected) void api.removeConsumer(this.#stream, this.#name).catch(() => {});
  }

  #take(msg: Msg): void {
    const place = placeOf(msg);
    // The pull is over when all of its messages have arrived, or the server says so.
    if (--this.#awaited <= 0 || place === undefined) this.#tellArrived();
    if (this.isDropped) return;
    const { untaken } = this.#parts;
    const data = Buffer.allocUnsafeSlow(msg.data.length); // a copy, so that the whole read of the socket is not kept for it
    data.set(msg.data);
    // Log messages are identified by their payload, so their headers are not parsed.
    const headers = place === undefined || untaken === undefined ? msg.headers : undefined;
    const arrived = { subject: msg.subject, data, headers, place };
    if (this.#wake !== undefined) this.#wake(arrived);
    else {
      this.#queue.push(arrived);
      untaken?.hold(this, data.length);
    }
  }

  #tellArrived(): void {
    const arrived = this.#arrived;
    this.#arrived = undefined;
    arrived?.();
  }

  #arrival(): Promise<Arrived | undefined> {
    return new Promise((resolve) => {
      this.#giveUpAtMs = this.#parts.clock.monotonicMs() + answerMsMax;
      this.#wake = (arrived) => {
        this.#wake = undefined;
        resolve(arrived);
      };
      if (!this.#isWatching) void this.#watch();
    });
  }

  /** One sleeper for all arrivals, since a timer for each message would cost more than the message. */
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

type Arrived = Omit<Pulled, "sequence"> & { readonly place: ReturnType<typeof placeOf> };

/** Reads the reply subject `$JS.ACK[.DOMAIN.ACCOUNT].STREAM.CONSUMER.TRIES.SEQUENCE.DELIVERY.TIME.PENDING`. */
function placeOf({ reply }: Msg): { sequence: number; delivery: number } | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  const skip = tokens.length > 9 ? 2 : 0;
  return { sequence: Number(tokens[5 + skip]), delivery: Number(tokens[6 + skip]) };
}
