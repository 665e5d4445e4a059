/**
 * Lines to log servers, log-shuttle's job: parcels of up to 2,000 lines or what came within `waitMs`, sent one after
 * the other, so that lines arrive in the order in which they were written, whatever destination they have. A parcel
 * is tried again under the same id until it is taken, or given up after `attemptsMax` tries.
 *
 * Every line that was taken ends in exactly one of delivered, dropped (the queue was full) or lost (given up). What
 * was dropped or lost is told to the app in a line of its own, L12 or L13, at the place where the lines are missing.
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
   * When the queue is full: `hold` lets the writer wait in `room()`; `drop` drops lines with a count; `hold-when-taken`
   * holds as long as the server takes lines, however slowly, and drops while it takes none.
   */
  readonly whenFull: "hold" | "drop" | "hold-when-taken";
  readonly bytesMax?: number;
  /** Takes lines that would be dropped; those that it has no room for are. */
  readonly spill?: SpillFile;
  /** Writes the lines that tell of losses. */
  readonly notices: LineSource;
  readonly retry?: Omit<RetryPolicy, "attemptsMax">;
  /** The destination will never take the lines; all that waits is lost. */
  readonly onRefused?: (error: CliError) => void;
  /** A parcel was not taken at the `attempt`th try (from 1); the next follows. */
  readonly onRetry?: (reason: string, attempt: number) => void;
  /** Lines were taken after tries that failed. */
  readonly onTakenAgain?: () => void;
};

/** The fate of the lines. */
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
  readonly #bytesMax: number;
  readonly #retry: RetryPolicy;
  readonly #queue = new ParcelQueue();
  readonly #losses: Losses;
  /** The first of the queue, while it is on its way. */
  #sending: Parcel | undefined;
  #pump: Promise<void> | undefined;
  #wake: () => void = () => {};
  #roomWaiters: (() => void)[] = [];
  #closing = false;
  readonly #givingUp = new AbortController();
  #refusal: CliError | undefined;
  /** The newest try was not taken. */
  #isAway = false;
  #reason: string | undefined;
  #delivered = 0;
  #dropped = 0;
  #lost = 0;
  /** The spill has been full: nothing more goes there before it is empty, so that L12 stands where lines are missing. */
  #isSpillClosed = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#losses = new Losses(options.notices);
    this.#bytesMax = options.bytesMax ?? queueBytesMax;
    this.#retry = { ...retryDefault, ...options.retry, attemptsMax: options.attemptsMax - 1 };
  }

  /** Lines that wait, and why the newest try was not taken, if it was not. */
  get waiting(): { readonly lines: number; readonly reason: string | undefined } {
    const spilled = this.#options.spill?.lines ?? 0;
    return { lines: this.#queue.lines + spilled, reason: this.#isAway ? this.#reason : undefined };
  }

  /** Nobody need wait: the queue has room, or waiting is pointless. */
  get hasRoom(): boolean {
    return !this.#isFull || this.#mayDrop || this.#isStopped;
  }

  /** Takes a line, `message[start, end)`; `whole` false for a piece that goes on. Copies what it keeps. */
  add(source: LineSource, message: Uint8Array, start: number, end: number, whole: boolean): void {
    const atMs = Date.now();
    if (this.#refusal !== undefined) {
      this.#lost++;
      return;
    }
    if (this.#spill(source, atMs, message, start, end, whole)) return;
    if ((this.#isFull && !source.isVital && this.#mayDrop) || (this.#isSpillClosed && !source.isVital)) {
      this.#dropped++;
      this.#losses.add({ code: "L12", count: 1, sinceMs: atMs });
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

  /** Resolves when nothing waits: everything that was added is delivered, or lost. */
  async idle(): Promise<void> {
    await this.#pump;
  }

  // Behind lines that are spilled already, or where the queue would drop; false: it has to be queued or dropped.
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

  // Queues spilled lines while there is room, and when there is no way back.
  #refill(): void {
    const { spill } = this.#options;
    while (spill !== undefined && spill.lines > 0 && (!this.#isFull || this.#isStopped)) {
      const { source, atMs, bytes, whole } = spill.shift()!;
      if (this.#refusal !== undefined) this.#lost++;
      else this.#enqueue(source, atMs, bytes, 0, bytes.length, whole);
    }
    if (spill?.lines === 0) this.#isSpillClosed = false;
  }

  /** Resolves when somebody who waits for room need not wait, or when `signal` is aborted. */
  async room(signal: AbortSignal): Promise<void> {
    while (!this.hasRoom && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#roomWaiters.push(resolve);
        signal.addEventListener("abort", this.#lookAgain, { once: true });
      });
    }
    signal.removeEventListener("abort", this.#lookAgain);
  }

  /** Sends what is left within `graceMs`; what is not taken by then is lost. Tells what became of all lines. */
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
      cutShort: this.#givingUp.signal.aborted,
    };
  }

  /** Ends the tries under way: whatever is not delivered by now is lost. */
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
      // A notice that was given up waits for a parcel that is taken.
      if (isDelivered || parcel.tells === undefined) this.#tell("L13");
      this.#refill();
      if (isDelivered && !this.#isFull && this.#isSpillEmpty) this.#tell("L12");
      this.#lookAgain();
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

  /** Tries until the parcel is taken or given up. */
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
      if (!this.#givingUp.signal.aborted) this.#reason = verdict.reason;
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

  /** Queues a notice: of lines given up ahead of what waits, of lines dropped behind it. */
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
