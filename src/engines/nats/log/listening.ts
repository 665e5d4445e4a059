/**
 * Spares a process its own lines. Its followers are handed what it stores when that is acknowledged, so a channel that it
 * alone writes without a pause is not listened to: the same lines would come back through the server and both kernels. An
 * acknowledgement says that nobody wrote between it and the one before. As soon as one says otherwise, or this process has
 * not written for a moment, or servers or connection may have changed, the channel is listened to again and compared with
 * its stream, where the lines of others that came meanwhile lie. A batch whose acknowledgement is due is no pause: a server that
 * is slow would otherwise be asked for all lines once more.
 */
import type { Clock } from "../../../ports.ts";

/** So many appends without one of somebody else between them, each soon after the one before, and nobody listens. */
export const ownRunMin = 16;
/** Others' lines that come behind the last of this process may be seen so much later. */
export const pauseMsMax = 50;
/** The same while this process waits for an acknowledgement. */
export const answerMsMax = 500;
const tickMs = 25;

/** The live side of a channel. */
export class Listening {
  readonly #subscribe: () => () => void;
  #unsubscribe: (() => void) | undefined;
  /** Appends of this process with nobody else's between them. */
  #run = 0;
  #storedAtMs = Number.NEGATIVE_INFINITY;
  /** When the batch was begun that is being stored. */
  #storingSinceMs: number | undefined;

  /** `subscribe` gives back what ends it. */
  constructor(subscribe: () => () => void) {
    this.#subscribe = subscribe;
    this.#unsubscribe = subscribe();
  }

  get isOn(): boolean {
    return this.#unsubscribe !== undefined;
  }

  /** This process begins to store a batch: the answer will say whether others wrote before it. */
  storing(nowMs: number): void {
    if (this.hasPaused(nowMs)) this.#run = 0;
    this.#storingSinceMs = nowMs;
  }

  /** It stored the batch directly behind what it knew for the last one. */
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

/** The channels that are not listened to. */
export class Unheard<Channel extends { readonly listening: Listening }> {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #paused: (channel: Channel) => void;
  readonly #channels = new Set<Channel>();
  #isTicking = false;

  /** `paused` is told a channel that this process has not written for a moment, until it is listened to. */
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
