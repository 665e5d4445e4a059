/** One TCP or TLS connection that is only written to. What the peer says is read and thrown away, within a bound, so that its end is seen. */
import type { Socket } from "node:net";
import { setImmediate as polled } from "node:timers/promises";
import type { Certificate } from "./certificate.ts";
import { timedOut } from "./connecting.ts";
import { type OpenSocket, openSocket } from "./open-socket.ts";
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
/** A connection that is let go may flush for so long. */
const closeMsMax = 1_000;

/** A write: the next one may follow when it is flushed, and it is settled when the connection stood for a while. */
export type Write = {
  readonly bytes: Uint8Array;
  /** For the flush. */
  readonly msMax: number;
  readonly signal: AbortSignal;
  readonly onFlushed: () => void;
};

/** The end of a write that did not fail. "ended": the peer ended the connection meanwhile. */
type End = "open" | "ended";

/** A write that is not settled. */
type Unsettled = {
  readonly write: Write;
  readonly startedAtMs: number;
  flushedAtMs: number | undefined;
  readonly resolve: (end: End) => void;
  readonly reject: (failure: unknown) => void;
};

export class SyslogConnection {
  /** Called once when the connection breaks (it did not just end) while no write is unsettled. */
  onBreak: (failure: Error) => void = () => {};
  /** The peer's, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  readonly #quietMs: number;
  #isEnded = false;
  /** In the order of the calls. One walk settles all of them, and many at a time when they are many. */
  readonly #unsettled: Unsettled[] = [];
  #isSettling = false;
  /** Those that end what is under way: one, mostly, for all that is written. */
  readonly #signals = new Set<AbortSignal>();
  /** Something went over it, and it stood. */
  #isProven = false;
  /** The first that failed; nothing that is written after it arrives. */
  #failure: unknown;
  /** Waits for something to change. */
  readonly #waits = new Set<() => void>();

  private constructor({ socket, roundTripMs, certificate }: OpenSocket) {
    this.#socket = socket;
    this.certificate = certificate;
    this.#quietMs = Math.min(quietMsMax, Math.max(quietMsMin, 2 * roundTripMs));
    socket.on("end", () => {
      this.#ended();
      if (this.#unsettled.length === 0) socket.end();
    });
    socket.on("close", () => this.#ended());
    socket.on("error", (failure) => {
      this.#failure ??= failure;
      this.#ended();
      if (this.#unsettled.length === 0) this.onBreak(failure);
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

  /**
   * Resolves when all is flushed and no reset followed, in the order of the calls. "ended": the peer ended the
   * connection meanwhile; either it had read everything, or its end and what was written passed each other on the way.
   * Rejects when the connection broke, or one before failed. The next write may come when this one is flushed.
   */
  write(write: Write): Promise<End> {
    return new Promise((resolve, reject) => {
      if (write.signal.aborted) return reject(write.signal.reason);
      const startedAtMs = performance.now();
      const one: Unsettled = { write, startedAtMs, flushedAtMs: undefined, resolve, reject };
      this.#unsettled.push(one);
      this.#watch(write.signal);
      this.#socket.write(write.bytes, (failure) => {
        if (failure == null) {
          one.flushedAtMs = performance.now();
          write.onFlushed();
        }
        this.#changed();
      });
      if (!this.#isSettling) void this.#settleAll();
    });
  }

  /** A signal was aborted. */
  handleEvent({ target }: Event): void {
    this.#socket.destroy((target as AbortSignal).reason);
  }

  // Settles what is written, oldest first, as long as there is any.
  async #settleAll(): Promise<void> {
    this.#isSettling = true;
    try {
      for (let [first] = this.#unsettled; first !== undefined; [first] = this.#unsettled) {
        const stoodSinceMs = await this.#stands(first);
        const later = this.#unsettled.findIndex(({ flushedAtMs = Infinity }) => flushedAtMs > stoodSinceMs);
        const settled = this.#unsettled.splice(0, later === -1 ? this.#unsettled.length : later);
        for (const { resolve } of settled) resolve(this.#isEnded ? "ended" : "open");
      }
    } catch (failure) {
      this.#failure ??= failure;
      for (const { reject } of this.#unsettled.splice(0)) reject(failure);
    }
    this.#isSettling = false;
    this.#unwatch();
    if (this.#isEnded) void this.close();
  }

  // Resolves when `first` was flushed and the connection stood since: what was flushed up to the time that is returned
  // is settled. Throws when it broke.
  async #stands(first: Unsettled): Promise<number> {
    const { msMax } = first.write;
    const leftMs = first.startedAtMs + msMax - performance.now();
    await this.#until(() => first.flushedAtMs !== undefined || this.#isBroken, leftMs);
    const flushedAtMs = first.flushedAtMs;
    const stoodSinceMs = flushedAtMs === undefined ? 0 : await this.#standing(flushedAtMs);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isBroken || (this.#isEnded && this.#isReset)) throw brokenPipe();
    if (flushedAtMs === undefined) throw timedOut("room for all the lines", msMax);
    this.#isProven = true;
    return stoodSinceMs;
  }

  /** Nobody is told that it broke. */
  destroy(): void {
    this.onBreak = () => {};
    this.#socket.destroy();
  }

  /** Ends the connection in order; a peer that does not is left. Idempotent. */
  async close(): Promise<void> {
    this.#isEnded = true;
    if (!this.#socket.destroyed) this.#socket.end();
    await this.#until(() => this.#socket.closed, closeMsMax);
    this.#socket.destroy();
  }

  #watch(signal: AbortSignal): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    signal.addEventListener("abort", this, { once: true });
  }

  #unwatch(): void {
    for (const signal of this.#signals) signal.removeEventListener("abort", this);
    this.#signals.clear();
  }

  #ended(): void {
    this.#isEnded = true;
    this.#changed();
  }

  get #isBroken(): boolean {
    return this.#failure !== undefined || this.#socket.destroyed;
  }

  // A reset behind an end is no event: reading is over. But then the kernel knows of no peer any more.
  get #isReset(): boolean {
    return this.#socket.remoteAddress === undefined;
  }

  // Waits for a reset. An end alone is none yet: that follows when the peer did not read everything. What was flushed by
  // the time that is returned was followed by none.
  async #standing(flushedAtMs: number): Promise<number> {
    const parts = this.certificate === undefined ? strangerParts : tlsStrangerParts;
    for (let part = 0; !this.#isProven && !this.#isEnded && !this.#isBroken && part < parts; part++) {
      await this.#until(() => this.#isEnded || this.#isBroken, strangerPartMs);
      await polled();
    }
    const quietMs = this.#isProven ? this.#quietMs - (performance.now() - flushedAtMs) : this.#quietMs;
    await this.#until(() => this.#isBroken, quietMs);
    const stoodSinceMs = Math.max(flushedAtMs, performance.now() - this.#quietMs);
    await polled(); // the timer may have fired before what the kernel held by then was read
    return stoodSinceMs;
  }

  async #until(isSo: () => boolean, msMax: number): Promise<void> {
    if (isSo() || msMax <= 0) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#waits.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const look = () => void (isSo() && end());
      const timer = setTimeout(end, Math.ceil(msMax));
      this.#waits.add(look);
    });
  }

  #changed(): void {
    for (const look of this.#waits) look();
  }
}

const brokenPipe = (): Error => Object.assign(new Error("closed while it was written to"), { code: "EPIPE" });
