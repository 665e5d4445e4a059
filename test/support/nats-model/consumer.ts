/** A pull consumer in memory: gives messages to pulls in order, and ends a pull when its time is up. */
import { type MsgHdrs, headers as newHeaders } from "nats";
import type { Clock } from "../../../src/ports.ts";
import type { ModelStream } from "./stream.ts";

export type ConsumerConfig = {
  readonly filter_subject: string;
  readonly opt_start_seq?: number;
  readonly opt_start_time?: string;
};

export type Delivery = {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  readonly reply?: string;
};

type Pull = { readonly inbox: string; left: number; isOver: boolean };

export class ModelConsumer {
  readonly name: string;
  readonly stream: ModelStream;
  readonly #filter: string;
  readonly #deliver: (inbox: string, delivery: Delivery) => void;
  readonly #clock: Clock;
  #next: number;
  #delivered = 0;
  #pulls: Pull[] = [];

  constructor(
    name: string,
    stream: ModelStream,
    config: ConsumerConfig,
    clock: Clock,
    deliver: (inbox: string, delivery: Delivery) => void,
  ) {
    this.name = name;
    this.stream = stream;
    this.#filter = config.filter_subject;
    this.#clock = clock;
    this.#deliver = deliver;
    const { opt_start_time: time, opt_start_seq: sequence = 1 } = config;
    this.#next = time === undefined ? sequence : stream.since(Date.parse(time));
  }

  get pending(): number {
    return this.stream.pending(this.#next, this.#filter);
  }

  /** Gives `batch` messages to `inbox`, as they come, until `expiresMs` are over. */
  pull(inbox: string, batch: number, expiresMs: number): void {
    const pull = { inbox, left: batch, isOver: false };
    this.#pulls.push(pull);
    this.feed();
    if (pull.left === 0) return;
    void this.#clock.sleep(expiresMs).then(() => {
      if (pull.left > 0 && !pull.isOver) {
        this.#deliver(inbox, {
          subject: inbox,
          payload: new Uint8Array(),
          headers: newHeaders(408, "Request Timeout"),
        });
      }
      pull.isOver = true;
      this.#pulls = this.#pulls.filter((other) => other !== pull);
    });
  }

  /** Gives what there is to those who asked. */
  feed(): void {
    for (let pull = this.#pulls[0]; pull !== undefined; pull = this.#pulls[0]) {
      const message = this.stream.next(this.#next, this.#filter);
      if (message === undefined) return;
      this.#next = message.sequence + 1;
      this.#delivered++;
      const place = `${message.sequence}.${this.#delivered}.0.0`;
      this.#deliver(pull.inbox, {
        ...message,
        reply: `$JS.ACK.${this.stream.config.name}.${this.name}.1.${place}`,
      });
      if (--pull.left === 0) this.#pulls.shift();
    }
  }

  close(): void {
    for (const pull of this.#pulls) pull.isOver = true;
    this.#pulls = [];
  }
}
