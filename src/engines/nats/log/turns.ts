/**
 * Fair turns among the processes that write to one channel. Who writes without a pause knows the channel's end first
 * and would always be faster than who has to ask for it; who keeps losing says so, and the others wait a moment.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createInbox, type Subscription } from "nats";
import type { ChannelId } from "../../../core/ids.ts";
import type { Connection } from "../wire/connection.ts";

/** A writer that has lost for so long asks for a turn, and again after as long. */
const patienceMs = 20;
/** A turn: the others start no append of the channel for so long. */
const turnMs = 25;
/** Turns given at the same time; over it, they are forgotten, and their writers ask again. */
const givenMax = 10_000;
const prefix = "turn.";

export class Turns {
  readonly #connection: Connection;
  readonly #own = Buffer.from(createInbox());
  readonly #subscription: Subscription;
  /** Channels whose turn is another's, and until when. */
  readonly #given = new Map<string, number>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#subscription = connection.nats.subscribe(`${prefix}*`, {
      callback: (error, { subject, data }) => {
        if (error !== null || this.#own.equals(data)) return;
        if (this.#given.size >= givenMax) this.#given.clear();
        this.#given.set(subject.slice(prefix.length), performance.now() + turnMs);
      },
    });
  }

  /** Resolves when it is nobody else's turn; undefined: it is not. */
  wait(channel: ChannelId): Promise<void> | undefined {
    const untilMs = this.#given.get(channel);
    if (untilMs === undefined) return undefined;
    this.#given.delete(channel);
    const leftMs = untilMs - performance.now();
    return leftMs > 0 ? delay(leftMs) : undefined;
  }

  /** One append that loses against others, from its first loss on. */
  loser(channel: ChannelId): { lost(): void } {
    let askAtMs = performance.now() + patienceMs;
    return {
      lost: () => {
        this.#given.delete(channel); // who asks does not wait
        if (performance.now() < askAtMs) return;
        askAtMs = performance.now() + patienceMs;
        this.#connection.nats.publish(prefix + channel, this.#own);
      },
    };
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
