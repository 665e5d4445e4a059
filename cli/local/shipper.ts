/**
 * Lines to log servers, log-shuttle's job: parcels of up to 500 lines or what came within `waitMs`, sent one after
 * the other, so that lines arrive in the order in which they were written, whatever destination they have. A parcel
 * is tried again under the same id until it is taken, or given up after `attemptsMax` tries.
 *
 * Every line that was taken ends in exactly one of delivered, dropped (the queue was full) or lost (given up).
 */
import { setTimeout as wait } from "node:timers/promises";
import { type RetryPolicy, retryDelayMs } from "../../src/core/retry.ts";
import type { CliError } from "../errors.ts";
import { type Destination, type LineSource, type Losses, Parcel } from "./parcel.ts";
import type { Post } from "./post-logs.ts";

export type ShipperOptions = {
  readonly post: Post;
  /** How long a parcel may wait for more lines. */
  readonly waitMs: number;
  readonly attemptsMax: number;
  /** True: a full queue drops lines with a count (L12). False: the caller waits for `room()`. */
  readonly drops: boolean;
  /** Parcels that may wait. A caller who waits for room may exceed this by one chunk. */
  readonly parcelsMax?: number;
  readonly retry?: Omit<RetryPolicy, "attemptsMax">;
  /** The destination will never take the lines; all that waits is lost. */
  readonly onRefused?: (error: CliError) => void;
  /** A parcel was not taken at the `attempt`th try (from 1); the next follows. */
  readonly onRetry?: (reason: string, attempt: number) => void;
};

/** What became of the lines. */
export type Shipped = {
  readonly delivered: number;
  readonly dropped: number;
  readonly lost: number;
  /** Why lines were lost, in words. */
  readonly reason: string | undefined;
  /** The tries were ended, by the grace or by `giveUp`, before they came to their own end. */
  readonly cutShort: boolean;
};

const retryDefault = { delayMsMin: 100, delayMsMax: 5_000, factor: 2, jitter: 0.2 };

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #parcelsMax: number;
  readonly #retry: RetryPolicy;
  /** Oldest first; the last one may still grow, the first one may be on its way. */
  readonly #queue: Parcel[] = [];
  #sending: Parcel | undefined;
  #pump: Promise<void> | undefined;
  #wake: () => void = () => {};
  #roomWaiters: (() => void)[] = [];
  #closing = false;
  readonly #givingUp = new AbortController();
  #refusal: CliError | undefined;
  #reason: string | undefined;
  /** Not yet told to the destination. */
  #untold: Losses = noLosses();
  #delivered = 0;
  #dropped = 0;
  #lost = 0;
  #lastDestination: Destination | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#parcelsMax = options.parcelsMax ?? 50;
    this.#retry = { ...retryDefault, ...options.retry, attemptsMax: options.attemptsMax - 1 };
  }

  /** Takes a line, `message[start, end)`; `whole` false for a piece that goes on. Copies what it keeps. */
  add(source: LineSource, message: Uint8Array, start: number, end: number, whole: boolean): void {
    const atMs = Date.now();
    this.#lastDestination = source.destination;
    if (this.#refusal !== undefined) {
      this.#lose(1, atMs);
      return;
    }
    const parcel = this.#growing(source.destination) ?? this.#newParcel(source.destination, atMs);
    if (parcel === undefined) {
      this.#drop(atMs);
      return;
    }
    parcel.add(source, atMs, message, start, end, whole);
    if (parcel.full) this.#wake();
    this.#pump ??= this.#run();
  }

  /** Resolves when the queue has room, when waiting for it is pointless, or when `signal` is aborted. */
  async room(signal: AbortSignal): Promise<void> {
    const pointless = () => this.#refusal !== undefined || this.#givingUp.signal.aborted || signal.aborted;
    while (this.#queue.length >= this.#parcelsMax && !pointless()) {
      await new Promise<void>((resolve) => {
        this.#roomWaiters.push(resolve);
        signal.addEventListener("abort", this.#makeRoom, { once: true });
      });
    }
    signal.removeEventListener("abort", this.#makeRoom);
  }

  /** Sends what is left within `graceMs`; what is not taken by then is lost. Tells what became of all lines. */
  async close(graceMs: number): Promise<Shipped> {
    this.#closing = true;
    this.#wake();
    const timer = setTimeout(() => this.giveUp(), graceMs);
    await this.#pump;
    await this.#tellTheRest();
    clearTimeout(timer);
    return {
      delivered: this.#delivered,
      dropped: this.#dropped,
      lost: this.#lost,
      reason: this.#reason,
      cutShort: this.#givingUp.signal.aborted,
    };
  }

  /** Ends the tries under way: whatever is not delivered by now is lost. */
  giveUp(): void {
    this.#givingUp.abort();
    this.#wake();
    this.#makeRoom();
  }

  #growing(destination: Destination): Parcel | undefined {
    const last = this.#queue.at(-1);
    const grows = last !== undefined && last !== this.#sending && !last.full;
    return grows && last.destination === destination ? last : undefined;
  }

  #newParcel(destination: Destination, atMs: number): Parcel | undefined {
    if (this.#options.drops && this.#queue.length >= this.#parcelsMax) return undefined;
    const parcel = new Parcel(destination, atMs);
    this.#queue.push(parcel);
    this.#wake(); // the one before will not grow any more
    return parcel;
  }

  async #run(): Promise<void> {
    for (let parcel = this.#queue[0]; parcel !== undefined; parcel = this.#queue[0]) {
      await this.#ripe(parcel);
      this.#sending = parcel;
      await this.#send(parcel);
      this.#sending = undefined;
      this.#queue.shift();
      this.#makeRoom();
    }
    this.#pump = undefined;
  }

  /** Waits until the parcel will not or need not grow any more. */
  async #ripe(parcel: Parcel): Promise<void> {
    for (;;) {
      const leftMs = parcel.bornMs + this.#options.waitMs - Date.now();
      const grown = parcel.full || this.#queue.length > 1 || this.#closing || this.#givingUp.signal.aborted;
      if (grown || leftMs <= 0) return;
      await this.#sleep(leftMs);
    }
  }

  async #send(parcel: Parcel): Promise<void> {
    const told = this.#untold;
    this.#untold = noLosses();
    const { bytes, count } = parcel.body(told, Date.now());
    const body = { bytes, count, frameId: parcel.frameId };
    for (let attempt = 0; ; attempt++) {
      const stopped = this.#refusal !== undefined || this.#givingUp.signal.aborted;
      if (stopped) break;
      const verdict = await this.#options.post(parcel.destination, body, this.#givingUp.signal);
      if (verdict.kind === "delivered") {
        this.#delivered += parcel.count;
        return;
      }
      if (verdict.kind === "refused") {
        this.#refusal = verdict.error;
        this.#reason = verdict.error.message;
        this.#options.onRefused?.(verdict.error);
        break;
      }
      if (!this.#givingUp.signal.aborted) this.#reason = verdict.reason;
      const delayMs = retryDelayMs(this.#retry, attempt, Math.random());
      if (delayMs === null) break;
      this.#options.onRetry?.(verdict.reason, attempt + 1);
      await this.#sleepUntilGivenUp(Math.max(delayMs, verdict.afterMs ?? 0));
    }
    this.#untold = addLosses(told, this.#untold);
    this.#lose(parcel.count, parcel.bornMs);
  }

  /** Losses that no later line took along get a parcel of their own, with one try. */
  async #tellTheRest(): Promise<void> {
    const { dropped, lost } = this.#untold;
    const destination = this.#lastDestination;
    if (dropped + lost === 0 || destination === undefined) return;
    if (this.#refusal !== undefined || this.#givingUp.signal.aborted) return;
    const parcel = new Parcel(destination, Date.now());
    const { bytes, count } = parcel.body(this.#untold, Date.now());
    await this.#options.post(destination, { bytes, count, frameId: parcel.frameId }, this.#givingUp.signal);
  }

  #drop(atMs: number): void {
    if (this.#untold.dropped++ === 0) this.#untold.droppedSinceMs = atMs;
    this.#dropped++;
  }

  #lose(lines: number, sinceMs: number): void {
    this.#untold = addLosses(this.#untold, { ...noLosses(), lost: lines, lostSinceMs: sinceMs });
    this.#lost += lines;
  }

  readonly #makeRoom = (): void => {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  };

  /** Until `ms` have passed or something happened that `#ripe` weighs. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #sleepUntilGivenUp(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#givingUp.signal }).catch(() => {});
  }
}

/** `1 line was`, `2 lines were`. */
export const linesWere = (count: number): string => (count === 1 ? "1 line was" : `${count} lines were`);

const noLosses = (): Losses => ({ dropped: 0, droppedSinceMs: 0, lost: 0, lostSinceMs: 0 });

function addLosses(a: Losses, b: Losses): Losses {
  return {
    dropped: a.dropped + b.dropped,
    droppedSinceMs: a.dropped === 0 ? b.droppedSinceMs : a.droppedSinceMs,
    lost: a.lost + b.lost,
    lostSinceMs: a.lost === 0 ? b.lostSinceMs : a.lostSinceMs,
  };
}
