/**
 * Ships lines to log servers, as log-shuttle does: parcels of up to 2,000 lines, or what came within `waitMs`, are sent
 * one after another, so that lines arrive in the order in which they were written, whatever their destination. A parcel
 * is retried under the same id until it is accepted, or given up after `attemptsMax` tries.
 *
 * Every line that was added ends up as exactly one of delivered, dropped (the queue was full) or lost (given up). The
 * app is told of dropped and lost lines in a line of its own, L12 or L13, at the place where they are missing.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type RetryPolicy, retryDelayMs } from "../../src/core/scheduling/retry.ts";
import type { CliError } from "../errors.ts";
import { queueBytesMax } from "./limits.ts";
import { Losses } from "./losses.ts";
import type { LineSource, Loss, Parcel } from "./parcel.ts";
import { ParcelQueue } from "./parcel-queue.ts";
import type { Post } from "./post-logs.ts";
import type { SpillFile } from "./spill-file.ts";

export type ShipperOptions = {
  readonly post: Post;
  /** How long a parcel may wait for more lines. */
  readonly waitMs: number;
  readonly attemptsMax: number;
  /**
   * When the queue is full, `hold` makes the writer wait in `room()`; `drop` drops lines and counts them;
   * `hold-when-taken` holds as long as the server accepts lines, however slowly, and drops while it accepts none.
   */
  readonly whenFull: "hold" | "drop" | "hold-when-taken";
  readonly bytesMax?: number;
  /** Takes lines that would otherwise be dropped, as far as it has room. */
  readonly spill?: SpillFile;
  /** Writes the lines that report losses. */
  readonly notices: LineSource;
  readonly retry?: Omit<RetryPolicy, "attemptsMax">;
  /** The destination will never accept the lines; everything that waits is lost. */
  readonly onRefused?: (error: CliError) => void;
  /** A parcel was not accepted at the `attempt`th try (from 1); the next try follows. */
  readonly onRetry?: (reason: string, attempt: number) => void;
  /** Lines were accepted after failed tries. */
  readonly onTakenAgain?: () => void;
};

/** The fate of the lines. */
export type Shipped = {
  readonly delivered: number;
  readonly dropped: number;
  readonly lost: number;
  /** Explains why lines were lost. */
  readonly reason: string | undefined;
  /** True if the reason is an answer of the server. */
  readonly answered: boolean;
  /** True if `giveUp` or the grace ended the tries early. */
  readonly cutShort: boolean;
};

const retryDefault = { delayMsMin: 100, delayMsMax: 5_000, factor: 2, jitter: 0.2 };

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #bytesMax: number;
  readonly #retry: RetryPolicy;
  readonly #queue = new ParcelQueue();
  readonly #losses: Losses;
  /** The first parcel of the queue, while it is being sent. */
  #sending: Parcel | undefined;
  #pump: Promise<void> | undefined;
  #wake: () => void = () => {};
  #roomWaiters: (() => void)[] = [];
  #closing = false;
  readonly #givingUp = new AbortController();
  #refusal: CliError | undefined;
  /** True if the newest try failed. */
  #isAway = false;
  #reason: string | undefined;
  #answered = false;
  #delivered = 0;
  #dropped = 0;
  #lost = 0;
  /**
   * True after the spill was full: nothing more goes there until it is empty, so that L12 stands where lines are
   * missing.
   */
  #isSpillClosed = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#losses = new Losses(options.notices);
    this.#bytesMax = options.bytesMax ?? queueBytesMax;
    this.#retry = { ...retryDefault, ...options.retry, attemptsMax: options.attemptsMax - 1 };
  }

  /** The number of waiting lines, and why the newest try failed, if it did. */
  get waiting(): { readonly lines: number; readonly reason: string | undefined } {
    const spilled = this.#options.spill?.lines ?? 0;
    return { lines: this.#queue.lines + spilled, reason: this.#isAway ? this.#reason : undefined };
  }

  /** True if nobody needs to wait: the queue has room, or waiting is pointless. */
  get hasRoom(): boolean {
    return !this.#isFull || this.#mayDrop || this.#isStopped;
  }

  /** Takes a line, `message[start, end)`; `whole` is false if the line goes on. Copies what it keeps. */
  add(source: LineSource, message: Uint8Array, start: number, end: number, whole: boolean): void {
    const atMs = Date.now();
    if (this.#refusal !== undefined) {
      this.#lost++;
      return;
    }
    if (this.#spill(source, atMs, message, start, end, whole)) return;
    if ((this.#isFull && !source.isVital && this.#mayDrop) || (this.#isSpillClosed && !source.isVital)) {
      this.#drop(1, atMs);
      return;
    }
    if (this.#isSpillEmpty) this.#tell("L12"); // the lines before this one are missing
    this.#enqueue(source, atMs, message, start, end, whole);
  }

  #enqueue(
    source: LineSource,
    atMs: number,
    message: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
  ): void {
    const parcel = this.#queue.growing(source.destination, atMs, this.#sending);
    this.#queue.addTo(parcel, source, atMs, message, start, end, whole);
    if (parcel.full || this.#queue.length > 1) this.#wake(); // the first one need not grow any more
    this.#pump ??= this.#run();
  }

  /** Resolves when nothing waits: everything that was added is delivered or lost. */
  async idle(): Promise<void> {
    await this.#pump;
  }

  // Spills a line if others are spilled already, or if the queue would drop it. False: it must be queued or dropped.
  #spill(
    source: LineSource,
    atMs: number,
    message: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
  ): boolean {
    const { spill } = this.#options;
    if (spill === undefined || this.#isSpillClosed) return false;
    if (spill.lines === 0 && !(this.#isFull && this.#mayDrop)) return false;
    if (spill.add({ source, atMs, whole }, message, start, end)) return true;
    this.#isSpillClosed = true;
    return false;
  }

  // Queues spilled lines while there is room. At the end they are lost, however many.
  #refill(): void {
    const { spill } = this.#options;
    if (spill === undefined) return;
    if (this.#isStopped) this.#lost += spill.discard();
    while (spill.lines > 0 && !this.#isFull) {
      const { sinceMs } = spill;
      const line = spill.shift();
      if (line !== undefined)
        this.#enqueue(line.source, line.atMs, line.bytes, 0, line.bytes.length, line.whole);
      else this.#drop(spill.discard(), sinceMs);
    }
    if (spill.lines === 0) this.#isSpillClosed = false;
  }

  #drop(count: number, sinceMs: number): void {
    this.#dropped += count;
    this.#losses.add({ code: "L12", count, sinceMs });
  }

  /** Resolves when a writer may continue, or when `signal` is aborted. */
  async room(signal: AbortSignal): Promise<void> {
    while (!this.hasRoom && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#roomWaiters.push(resolve);
        signal.addEventListener("abort", this.#lookAgain, { once: true });
      });
    }
    signal.removeEventListener("abort", this.#lookAgain);
  }

  /** Sends what is left within `graceMs`; what is not accepted by then is lost. Returns the fate of all lines. */
  async close(graceMs: number): Promise<Shipped> {
    this.#closing = true;
    if (this.#isSpillEmpty) this.#tell("L12");
    this.#wake();
    const timer = setTimeout(() => this.giveUp(), graceMs);
    await this.#pump;
    clearTimeout(timer);
    return {
      delivered: this.#delivered,
      dropped: this.#dropped,
      lost: this.#lost,
      reason: this.#reason,
      answered: this.#answered,
      cutShort: this.#givingUp.signal.aborted,
    };
  }

  /** Ends the current tries: whatever is not delivered by now is lost. */
  giveUp(): void {
    this.#givingUp.abort();
    this.#wake();
    this.#lookAgain();
  }

  get #isFull(): boolean {
    return this.#queue.bytes >= this.#bytesMax;
  }

  get #isSpillEmpty(): boolean {
    return (this.#options.spill?.lines ?? 0) === 0;
  }

  get #mayDrop(): boolean {
    const { whenFull } = this.#options;
    return whenFull === "drop" || (whenFull === "hold-when-taken" && this.#isAway);
  }

  get #isStopped(): boolean {
    return this.#refusal !== undefined || this.#givingUp.signal.aborted;
  }

  async #run(): Promise<void> {
    for (let parcel = this.#queue.first; parcel !== undefined; parcel = this.#queue.first) {
      await this.#ripe(parcel);
      this.#sending = parcel;
      const isDelivered = await this.#send(parcel);
      this.#sending = undefined;
      this.#queue.shift();
      this.#settle(parcel, isDelivered);
      // A notice that was given up is repeated after the next parcel that is accepted.
      if (isDelivered || parcel.tells === undefined) this.#tell("L13");
      this.#refill();
      if (isDelivered && !this.#isFull && this.#isSpillEmpty) this.#tell("L12");
      this.#lookAgain();
    }
    this.#pump = undefined;
  }

  /** Waits until the parcel cannot, or need not, grow any more. */
  async #ripe(parcel: Parcel): Promise<void> {
    for (;;) {
      const leftMs = parcel.bornAtMs + this.#options.waitMs - performance.now();
      const grown = parcel.full || this.#queue.length > 1 || this.#closing || this.#givingUp.signal.aborted;
      if (grown || leftMs <= 0) return;
      await this.#sleep(leftMs);
    }
  }

  /** Tries until the parcel is accepted or given up. */
  async #send({ destination, body: bytes, count, parcelId }: Parcel): Promise<boolean> {
    for (let attempt = 0; !this.#isStopped; attempt++) {
      const verdict = await this.#options.post(
        destination,
        { bytes, count, parcelId },
        this.#givingUp.signal,
      );
      this.#isAway = verdict.kind === "retry";
      if (verdict.kind === "delivered") {
        if (attempt > 0) this.#options.onTakenAgain?.();
        return true;
      }
      if (verdict.kind === "refused") {
        this.#refusal = verdict.error;
        this.#reason = verdict.error.message;
        this.#options.onRefused?.(verdict.error);
        return false;
      }
      this.#lookAgain();
      if (!this.#givingUp.signal.aborted) {
        this.#reason = verdict.reason;
        this.#answered = verdict.answered === true;
      }
      const delayMs = retryDelayMs(this.#retry, attempt, Math.random());
      if (delayMs === null) return false;
      this.#options.onRetry?.(verdict.reason, attempt + 1);
      await this.#sleepUntilGivenUp(Math.max(delayMs, verdict.afterMs ?? 0));
    }
    return false;
  }

  #settle({ tells, count, bornMs }: Parcel, isDelivered: boolean): void {
    if (tells === undefined && isDelivered) this.#delivered += count;
    if (isDelivered) return;
    if (tells === undefined) this.#lost += count;
    this.#losses.add(tells ?? { code: "L13", count, sinceMs: bornMs });
  }

  /** Queues a notice: about lines that were given up, before what waits; about dropped lines, after it. */
  #tell(code: Loss["code"]): void {
    const parcel = this.#isStopped ? undefined : this.#losses.notice(code, Date.now());
    if (parcel === undefined) return;
    if (code === "L12") this.#queue.append(parcel);
    else this.#queue.prepend(parcel);
    this.#pump ??= this.#run();
  }

  readonly #lookAgain = (): void => {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  };

  /** Sleeps for `ms`, or until something happens that matters to `#ripe`. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        this.#wake = () => {}; // lines call it by the thousand
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
