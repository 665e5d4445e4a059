/**
 * Gives the processes that write to one channel fair turns. A process that writes without a pause knows the channel's
 * end, and would always be faster than one that has to ask. So a writer that keeps losing asks for a turn, and the
 * others wait a moment.
 */
import { createInbox } from "nats";
import type { ChannelId } from "../../../core/ids.ts";
import type { Clock } from "../../../ports.ts";
import type { Wire } from "../wire/wire.ts";

/** A writer that has lost for this long asks for a turn, and again after as long. */
const patienceMs = 20;
/** The length of a turn, during which the others start no append of the channel. */
const turnMs = 25;
/** Turns that are remembered; beyond it all are forgotten, and their writers ask again. */
const givenMax = 10_000;
const prefix = "turn.";

export class Turns {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #own = Buffer.from(createInbox());
  readonly #unsubscribe: () => void;
  /** Channels in which another process has its turn, and until when. */
  readonly #given = new Map<string, number>();

  constructor(wire: Wire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
    this.#unsubscribe = wire.subscribe(`${prefix}*`, ({ subject, data }) => {
      if (this.#own.equals(data)) return;
      if (this.#given.size >= givenMax) this.#given.clear();
      this.#given.set(subject.slice(prefix.length), clock.monotonicMs() + turnMs);
    });
  }

  /** Resolves when another process's turn is over; undefined when there is none. */
  wait(channel: ChannelId): Promise<void> | undefined {
    const untilMs = this.#given.get(channel);
    if (untilMs === undefined) return undefined;
    this.#given.delete(channel);
    const leftMs = untilMs - this.#clock.monotonicMs();
    return leftMs > 0 ? this.#clock.sleep(leftMs) : undefined;
  }

  /** One append that loses against others, from its first loss on. */
  loser(channel: ChannelId): { lost(): void } {
    let askAtMs = this.#clock.monotonicMs() + patienceMs;
    return {
      lost: () => {
        this.#given.delete(channel); // the process that asks does not wait
        if (this.#clock.monotonicMs() < askAtMs) return;
        askAtMs = this.#clock.monotonicMs() + patienceMs;
        this.#wire.publish(prefix + channel, this.#own);
      },
    };
  }

  close(): void {
    this.#unsubscribe();
  }
}
