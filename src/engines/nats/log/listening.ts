/**
 * Spares a process its own lines. Its followers are handed what it stores as soon as that is acknowledged. So a
 * channel that only this process writes, without a pause, is not listened to: the same lines would come back through
 * the server and both kernels. Each acknowledgement confirms that nobody else has written since the one before. When
 * one does not, when this process has not written for a moment, or when servers or the connection may have changed,
 * the channel is listened to again and compared with its stream, which has the lines that others wrote meanwhile. A
 * batch that waits for its acknowledgement is not a pause: otherwise a slow server would be asked for all lines once
 * more.
 */
import type { Clock } from "../../../ports.ts";

/** After this many appends in close succession without anybody else's between them, the subscription ends. */
export const ownRunMin = 16;
/** Lines that others write after this process's last may be seen this much later. */
export const pauseMsMax = 50;
/** The same while this process waits for an acknowledgement. */
export const answerMsMax = 500;
const tickMs = 25;

/** The subscription of a channel. */
export class Listening {
  readonly #subscribe: () => () => void;
  #unsubscribe: (() => void) | undefined;
  /** Appends of this process in a row, without anybody else's between them. */
  #run = 0;
  #storedAtMs = Number.NEGATIVE_INFINITY;
  /** When the current batch was begun; undefined when none is being stored. */
  #storingSinceMs: number | undefined;

  /** `subscribe` returns the function that ends the subscription. */
  constructor(subscribe: () => () => void) {
    this.#subscribe = subscribe;
    this.#unsubscribe = subscribe();
  }

  get isOn(): boolean {
    return this.#unsubscribe !== undefined;
  }

  /** This process begins to store a batch; the answer will show whether others wrote before it. */
  storing(nowMs: number): void {
    if (this.hasPaused(nowMs)) this.#run = 0;
    this.#storingSinceMs = nowMs;
  }

  /** This process stored its batch directly after the last message that it knew of. */
  stored(nowMs: number): void {
    this.#run = this.hasPaused(nowMs) ? 1 : this.#run + 1;
    this.#storingSinceMs = undefined;
    this.#storedAtMs = nowMs;
    if (this.#run >= ownRunMin) this.end();
  }

  hasPaused(nowMs: number): boolean {
    const since = this.#storingSinceMs;
    return since === undefined ? nowMs - this.#storedAtMs > pauseMsMax : nowMs - since > answerMsMax;
  }

  begin(): void {
    this.#run = 0;
    this.#unsubscribe ??= this.#subscribe();
  }

  end(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }
}

/** The channels without a subscription. */
export class Unheard<Channel extends { readonly listening: Listening }> {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #paused: (channel: Channel) => void;
  readonly #channels = new Set<Channel>();
  #isTicking = false;

  /**
   * `paused` is called with each channel that this process has not written for a moment, until it is listened to
   * again.
   */
  constructor(clock: Clock, signal: AbortSignal, paused: (channel: Channel) => void) {
    this.#clock = clock;
    this.#signal = signal;
    this.#paused = paused;
  }

  add(channel: Channel): void {
    this.#channels.add(channel);
    if (!this.#isTicking) void this.#ticking();
  }

  delete(channel: Channel): void {
    this.#channels.delete(channel);
  }

  async #ticking(): Promise<void> {
    this.#isTicking = true;
    while (this.#channels.size > 0 && !this.#signal.aborted) {
      await this.#clock.sleep(tickMs, this.#signal);
      const nowMs = this.#clock.monotonicMs();
      for (const channel of this.#channels) {
        if (channel.listening.isOn) this.#channels.delete(channel);
        else if (channel.listening.hasPaused(nowMs)) this.#paused(channel);
      }
    }
    this.#isTicking = false;
  }
}
