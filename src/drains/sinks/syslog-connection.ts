/**
 * One TCP or TLS connection that is only written to. What the peer sends is read and dropped, within a bound, so that
 * its end is noticed.
 */
import type { Socket } from "node:net";
import type { Certificate } from "./certificate.ts";
import { timedOut } from "./connecting.ts";
import { type OpenSocket, openSocket } from "./open-socket.ts";
import { never, quietWalkOf, type Waits } from "./quiet-walk.ts";
import type { SyslogSinkOptions } from "./syslog.ts";
import { boundTalk } from "./talk.ts";

/** Bounds of the wait for a reset: more than a timer can resolve, and less than a parcel should stay unsettled. */
const quietMsMin = 5;
const quietMsMax = 250;
/**
 * On a connection that nothing has been sent over, the wait is longer by several parts of this length: a peer that
 * rejects a client does so when it gets to run. In parts, because time in which this process did not run says nothing
 * about the peer, and costs only one of them.
 */
const strangerPartMs = 10;
const strangerParts = 3;
/** In TLS 1.3 a peer judges the client's certificate after the client's handshake has ended, so the wait is longer. */
const tlsStrangerParts = 10;
/** How long a connection may flush after it is let go. */
const closeMsMax = 1_000;
/**
 * A peer that has ended its side and closes with unread lines resets the connection later. The reset is looked for this
 * long, no longer than a break brings back deliveries (`worker/machine/unconfirmed.ts`), and on at most this many
 * connections of the process.
 */
const leavingMsMax = 1_000;
const leavingLookMs = 50;
const leavingMax = 500;
let leaving = 0;

/** How a write that did not fail ended. "ended": the peer has ended the connection in the meantime. */
export type End = "open" | "ended";

/** A write, and the callbacks for it: the next one may follow when it is flushed. */
export interface Write {
  readonly bytes: Uint8Array;
  /** For the flush. */
  readonly msMax: number;
  readonly signal: AbortSignal;
  flushed(): void;
  /**
   * The connection stayed open for a while after the flush. "ended": the peer ended it in the meantime; either it had
   * read everything, or its end and what was written crossed on the way.
   */
  settled(end: End): void;
  /** The connection broke, or an earlier write failed. */
  failed(failure: unknown): void;
}

/** A write that is not settled. */
type Unsettled = { readonly write: Write; readonly startedAtMs: number; flushedAtMs: number };

/** Shared by all connections, since nearly every one has one signal all its life. */
const none: AbortSignal[] = [];

/** All connections are looked at together. */
const walk = quietWalkOf(quietMsMin);

export class SyslogConnection implements Waits {
  /** Called once if the connection breaks (rather than ends) while no write is unsettled. */
  onBreak: (failure: Error) => void = () => {};
  /** The peer's certificate, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  readonly #quietMs: number;
  #isEnded = false;
  /** In the order of the calls. One walk settles all that have waited long enough. */
  readonly #unsettled: Unsettled[] = [];
  /** How many of them, from the first, are flushed. */
  #flushed = 0;
  /**
   * Ends what is under way. All parcels of a drain come with the same signal, so the listener stays from one to the
   * next.
   */
  #signal: AbortSignal | undefined;
  /** Earlier signals, whose writes may not be settled yet. */
  #earlier: AbortSignal[] = none;
  /** The parts left of the wait of a connection that nothing has been sent over. */
  #partsLeft: number;
  /** When the current part ends, and then the quiet time: unknown before the first flush. */
  #strangerMs: number | undefined;
  /** When a write was last settled. */
  #settledMs = Number.NEGATIVE_INFINITY;
  /** The first failure; nothing written after it arrives. */
  #failure: unknown;

  private constructor({ socket, roundTripMs, certificate }: OpenSocket) {
    this.#socket = socket;
    this.certificate = certificate;
    this.#quietMs = Math.min(quietMsMax, Math.max(quietMsMin, 2 * roundTripMs));
    this.#partsLeft = certificate === undefined ? strangerParts : tlsStrangerParts;
    socket.on("end", () => {
      if (this.#unsettled.length === 0) this.#leave();
      this.#ended();
    });
    socket.on("close", () => this.#ended());
    socket.on("error", (failure) => {
      this.#failure ??= failure;
      if (this.#unsettled.length === 0) this.onBreak(failure);
      this.#ended();
    });
    boundTalk(socket);
  }

  /** Opens a connection and checks its peer's certificate. */
  static async open(options: SyslogSinkOptions, signal: AbortSignal): Promise<SyslogConnection> {
    // Half open, so that the connection stays until it is known whether a reset follows the peer's end.
    return new SyslogConnection(await openSocket(options.destination, options, signal, { isHalfOpen: true }));
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  /** Each write is told of its end, in the order of the calls, and not before this returns. */
  write(write: Write): void {
    const { bytes, signal } = write;
    if (signal.aborted) {
      queueMicrotask(() => write.failed(signal.reason));
      return;
    }
    const startedAtMs = performance.now();
    this.#unsettled.push({ write, startedAtMs, flushedAtMs: never });
    this.#watch(signal);
    this.#socket.write(bytes, this.#written);
    if (this.#unsettled.length === 1) walk.wait(this, startedAtMs + quietMsMin);
  }

  // Writes are flushed in order. Failures are reported by an event.
  readonly #written = (failure?: Error | null): void => {
    const one = failure == null ? this.#unsettled[this.#flushed] : undefined;
    if (one === undefined) return;
    one.flushedAtMs = performance.now();
    if (++this.#flushed === 1) walk.wait(this, one.flushedAtMs + this.#quietMs);
    one.write.flushed();
  };

  /** Fails what is written and not flushed, and all before it, as the peer has had `ms` to take it. */
  giveUp(ms: number): void {
    if (this.#flushed < this.#unsettled.length) this.#socket.destroy(timedOut("room for all the lines", ms));
  }

  /** Handles the abort of a signal. */
  handleEvent({ target }: Event): void {
    if (this.#unsettled.length > 0) this.#socket.destroy((target as AbortSignal).reason);
  }

  /**
   * Settles writes, oldest first. An end alone is not a failure yet: a reset follows if the peer did not read
   * everything.
   */
  look(polledMs: number): number {
    const first = this.#unsettled[0];
    if (first === undefined) return never;
    const { flushedAtMs, startedAtMs, write } = first;
    const isFlushed = flushedAtMs !== never;
    const dueMs = isFlushed ? this.#standsAtMs(flushedAtMs, polledMs) : startedAtMs + write.msMax;
    if (!this.#isBroken && polledMs < dueMs) return dueMs;
    if (this.#isBroken || (this.#isEnded && this.#isReset)) return this.#fail(this.#failure ?? brokenPipe());
    if (!isFlushed) return this.#fail(timedOut("room for all the lines", write.msMax));
    return this.#settle(Math.max(flushedAtMs, polledMs - this.#quietMs));
  }

  // When a connection has stood long enough after the flush of its oldest write.
  #standsAtMs(flushedAtMs: number, polledMs: number): number {
    if (this.#partsLeft === 0 && this.#strangerMs === undefined) return flushedAtMs + this.#quietMs;
    this.#strangerMs ??= flushedAtMs + strangerPartMs;
    if (this.#isEnded && this.#partsLeft > 0) {
      this.#partsLeft = 0;
      this.#strangerMs = polledMs + this.#quietMs;
    }
    if (this.#partsLeft > 0 && polledMs >= this.#strangerMs) {
      this.#partsLeft--;
      this.#strangerMs = polledMs + (this.#partsLeft > 0 ? strangerPartMs : this.#quietMs);
    }
    return this.#strangerMs;
  }

  // No reset followed what was flushed by `flushedByMs`.
  #settle(flushedByMs: number): number {
    this.#partsLeft = 0;
    this.#strangerMs = undefined; // something was sent over it, and it stood
    this.#settledMs = performance.now();
    let count = 0;
    while (count < this.#flushed && this.#unsettled[count]!.flushedAtMs <= flushedByMs) count++;
    const settled = this.#take(count);
    for (const { write } of settled) write.settled(this.#isEnded ? "ended" : "open");
    const next = this.#unsettled[0];
    if (next === undefined) return never;
    const { flushedAtMs, startedAtMs, write } = next;
    return flushedAtMs === never ? startedAtMs + write.msMax : flushedAtMs + this.#quietMs;
  }

  #fail(failure: unknown): number {
    this.#failure ??= failure;
    for (const { write } of this.#take(this.#unsettled.length)) write.failed(failure);
    return never;
  }

  #take(count: number): readonly Unsettled[] {
    const taken = this.#unsettled.splice(0, count);
    this.#flushed = Math.max(0, this.#flushed - count);
    if (this.#unsettled.length > 0) return taken;
    this.#unwatch();
    if (this.#isEnded) this.#leave();
    return taken;
  }

  // The peer ended its side, and everything is settled. Nothing is read any more, so a reset would cause no event: it
  // is polled for.
  #leave(): void {
    const socket = this.#socket;
    const overMs = performance.now() + leavingMsMax;
    const isLongAgo = this.#settledMs < overMs - 2 * leavingMsMax;
    if (isLongAgo || this.#isBroken || leaving === leavingMax) {
      void this.close();
      return;
    }
    leaving++;
    const looking = setInterval(() => {
      const isReset = socket.writable && this.#isReset;
      if (socket.writable && !isReset && performance.now() < overMs) return;
      clearInterval(looking);
      if (isReset) socket.destroy(brokenPipe());
      else void this.close();
    }, leavingLookMs).unref();
    socket.once("close", () => {
      leaving--;
    });
  }

  /** Closes without a report that it broke. */
  destroy(): void {
    this.onBreak = () => {};
    this.#socket.destroy();
  }

  /** Ends the connection in order; if the peer does not, it is destroyed. Idempotent. */
  async close(): Promise<void> {
    this.#isEnded = true;
    if (this.#unsettled.length === 0) this.#unwatch();
    const socket = this.#socket;
    if (!socket.destroyed) socket.end();
    if (!socket.closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, closeMsMax);
        socket.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    socket.destroy();
  }

  #watch(signal: AbortSignal): void {
    if (signal === this.#signal) return;
    if (this.#signal !== undefined) this.#earlier = [...this.#earlier, this.#signal];
    this.#signal = signal;
    signal.addEventListener("abort", this, { once: true });
  }

  // Everything written is settled: the next write mostly comes with the same signal, or there is none.
  #unwatch(): void {
    for (const signal of this.#earlier)
      if (signal !== this.#signal) signal.removeEventListener("abort", this);
    this.#earlier = none;
    if (!this.#isEnded) return;
    this.#signal?.removeEventListener("abort", this);
    this.#signal = undefined;
  }

  #ended(): void {
    this.#isEnded = true;
    if (this.#unsettled.length === 0) this.#unwatch();
    else if (this.#isBroken) this.#fail(this.#failure ?? brokenPipe());
  }

  get #isBroken(): boolean {
    return this.#failure !== undefined || this.#socket.destroyed;
  }

  // A reset after an end causes no event, because reading is over. But then the kernel no longer knows a peer. This
  // asks the handle, because a socket remembers its first answer for good.
  get #isReset(): boolean {
    type Handle = { getpeername(name: object): number };
    const { _handle: handle } = this.#socket as Socket & { readonly _handle?: Handle | null };
    return handle != null && handle.getpeername({}) !== 0;
  }
}

const brokenPipe = (): Error => Object.assign(new Error("closed while it was written to"), { code: "EPIPE" });
