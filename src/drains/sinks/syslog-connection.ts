/** One TCP or TLS connection that is only written to. What the peer says is read and thrown away, within a bound, so that its end is seen. */
import type { Socket } from "node:net";
import type { Certificate } from "./certificate.ts";
import { timedOut } from "./connecting.ts";
import { type OpenSocket, openSocket } from "./open-socket.ts";
import { never, quietWalkOf, type Waits } from "./quiet-walk.ts";
import type { SyslogSinkOptions } from "./syslog.ts";
import { boundTalk } from "./talk.ts";

/** Bounds of the wait for a reset: shorter than a timer can measure, and longer than a parcel should be unsettled. */
const quietMsMin = 5;
const quietMsMax = 250;
/**
 * Over a connection that nothing went over yet the wait is longer by so many parts of so long: whom a peer turns away it
 * turns away when it gets to run. In parts, as time in which this process did not run says nothing of the peer, and costs
 * one of them.
 */
const strangerPartMs = 10;
const strangerParts = 3;
/** Under TLS 1.3 a peer judges the client's certificate after the client's handshake ended: then the wait is longer. */
const tlsStrangerParts = 10;
/** How long a connection may flush after it was let go. */
const closeMsMax = 1_000;
/**
 * A peer that has ended its side, and closes with lines unread, resets the connection later: it is looked for so long, and no
 * longer than a break brings back what was delivered (`worker/unconfirmed.ts`), over so many connections of this process.
 */
const leavingMsMax = 1_000;
const leavingLookMs = 50;
const leavingMax = 500;
let leaving = 0;

/** The end of a write that did not fail. "ended": the peer ended the connection meanwhile. */
export type End = "open" | "ended";

/** A write, and who is told of it: the next one may follow when it is flushed. */
export interface Write {
  readonly bytes: Uint8Array;
  /** For the flush. */
  readonly msMax: number;
  readonly signal: AbortSignal;
  flushed(): void;
  /**
   * The connection stood for a while behind the flush. "ended": the peer ended it meanwhile; either it had read
   * everything, or its end and what was written passed each other on the way.
   */
  settled(end: End): void;
  /** The connection broke, or one before failed. */
  failed(failure: unknown): void;
}

/** A write that is not settled. */
type Unsettled = { readonly write: Write; readonly startedAtMs: number; flushedAtMs: number };

/** One for all connections, as nearly each has one signal all its life. */
const none: AbortSignal[] = [];

/** All connections are looked at together. */
const walk = quietWalkOf(quietMsMin);

export class SyslogConnection implements Waits {
  /** Called once when the connection breaks (it did not just end) while no write is unsettled. */
  onBreak: (failure: Error) => void = () => {};
  /** The peer's, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  readonly #quietMs: number;
  #isEnded = false;
  /** In the order of the calls. One walk settles all that stood long enough. */
  readonly #unsettled: Unsettled[] = [];
  /** The first of them so many are flushed. */
  #flushed = 0;
  /** Ends what is under way. A drain's parcels all come with the same one, so it is listened to from one to the next. */
  #signal: AbortSignal | undefined;
  /** Those before it, of writes that may not be settled. */
  #earlier: AbortSignal[] = none;
  /** Parts of the wait of a connection that nothing went over yet. */
  #partsLeft: number;
  /** When the part ends, and then the quiet time: not known before there was a flush. */
  #strangerMs: number | undefined;
  /** When a write was settled last. */
  #settledMs = Number.NEGATIVE_INFINITY;
  /** The first that failed; nothing that is written after it arrives. */
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

  /** A connection that stands, its peer's certificate checked. */
  static async open(options: SyslogSinkOptions, signal: AbortSignal): Promise<SyslogConnection> {
    // Half open, the connection stays until it is seen whether a reset followed its end.
    return new SyslogConnection(await openSocket(options.destination, options, signal, { isHalfOpen: true }));
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  /** Writes are told of their ends in the order of the calls, one of them each, and not before this returns. */
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

  // Writes are flushed in their order. Of a failure an event tells.
  readonly #written = (failure?: Error | null): void => {
    const one = failure == null ? this.#unsettled[this.#flushed] : undefined;
    if (one === undefined) return;
    one.flushedAtMs = performance.now();
    if (++this.#flushed === 1) walk.wait(this, one.flushedAtMs + this.#quietMs);
    one.write.flushed();
  };

  /** A signal was aborted. */
  handleEvent({ target }: Event): void {
    if (this.#unsettled.length > 0) this.#socket.destroy((target as AbortSignal).reason);
  }

  /**
   * Settles what is written, oldest first: an end alone is no failure yet, as a reset follows when the peer did not read
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

  // When a connection has stood long enough behind the flush of its oldest write.
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

  // No reset followed what was flushed by `stoodSinceMs`.
  #settle(stoodSinceMs: number): number {
    this.#partsLeft = 0;
    this.#strangerMs = undefined; // something went over it, and it stood
    this.#settledMs = performance.now();
    let count = 0;
    while (count < this.#flushed && this.#unsettled[count]!.flushedAtMs <= stoodSinceMs) count++;
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

  // The peer ended its side, and all is settled. A reset that comes now is no event, as nothing is read any more: it is looked for.
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

  /** Nobody is told that it broke. */
  destroy(): void {
    this.onBreak = () => {};
    this.#socket.destroy();
  }

  /** Ends the connection in order; a peer that does not is left. Idempotent. */
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

  // All that is written is settled: who comes next comes with the same signal, mostly, and with none when this was the end.
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

  // A reset behind an end is no event: reading is over. But then the kernel knows of no peer any more. Its handle is asked, as a
  // socket says for good what it said first.
  get #isReset(): boolean {
    type Handle = { getpeername(name: object): number };
    const { _handle: handle } = this.#socket as Socket & { readonly _handle?: Handle | null };
    return handle != null && handle.getpeername({}) !== 0;
  }
}

const brokenPipe = (): Error => Object.assign(new Error("closed while it was written to"), { code: "EPIPE" });
