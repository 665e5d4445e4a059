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
 * Over a connection that nothing went over yet the wait is so much longer: whom a peer turns away (a client certificate
 * under TLS 1.3 is judged after the client's handshake ended) it turns away when it gets to run.
 */
const strangerMs = 100;
/** In so many parts: time in which this process did not run says nothing of the peer, and costs one of them. */
const strangerParts = 10;
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

export class SyslogConnection {
  /** Called once when the connection breaks (it did not just end) while no write is unsettled. */
  onBreak: (failure: Error) => void = () => {};
  /** The peer's, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  readonly #quietMs: number;
  #isEnded = false;
  /** Writes that are not settled. */
  #unsettled = 0;
  /** Ends when those before are settled; rejects when one of them failed. */
  #settling: Promise<unknown> = Promise.resolve();
  /** Something went over it, and it stood. */
  #isProven = false;
  #failure: Error | undefined;
  /** Waits for something to change. */
  readonly #waits = new Set<() => void>();

  private constructor({ socket, roundTripMs, certificate }: OpenSocket) {
    this.#socket = socket;
    this.certificate = certificate;
    this.#quietMs = Math.min(quietMsMax, Math.max(quietMsMin, 2 * roundTripMs));
    socket.on("end", () => {
      this.#ended();
      if (this.#unsettled === 0) socket.end();
    });
    socket.on("close", () => this.#ended());
    socket.on("error", (failure) => {
      this.#failure ??= failure;
      this.#ended();
      if (this.#unsettled === 0) this.onBreak(failure);
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
  write(write: Write): Promise<"open" | "ended"> {
    const before = this.#settling;
    const settling = this.#write(write, before);
    this.#settling = settling;
    settling.catch(() => {}); // whoever called is told
    return settling;
  }

  async #write(
    { bytes, msMax, signal, onFlushed }: Write,
    before: Promise<unknown>,
  ): Promise<"open" | "ended"> {
    this.#unsettled++;
    let isFlushed = false;
    const abort = () => this.#socket.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      this.#socket.write(bytes, (failure) => {
        isFlushed = failure == null;
        if (isFlushed) onFlushed();
        this.#changed();
      });
      await this.#until(() => isFlushed || this.#isBroken, msMax);
      if (isFlushed) await this.#standing();
      await before;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isBroken || (this.#isEnded && this.#isReset)) throw brokenPipe();
      if (!isFlushed) throw timedOut("room for all the lines", msMax);
      this.#isProven = true;
      return this.#isEnded ? "ended" : "open";
    } finally {
      if (--this.#unsettled === 0 && this.#isEnded) void this.close();
      signal.removeEventListener("abort", abort);
    }
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

  // Waits for a reset. An end alone is none yet: that follows when the peer did not read everything.
  async #standing(): Promise<void> {
    for (let part = 0; !this.#isProven && !this.#isEnded && !this.#isBroken && part < strangerParts; part++) {
      await this.#until(() => this.#isEnded || this.#isBroken, strangerMs / strangerParts);
      await polled();
    }
    await this.#until(() => this.#isBroken, this.#quietMs);
    await polled(); // the timer may have fired before what the kernel held by then was read
  }

  async #until(isSo: () => boolean, msMax: number): Promise<void> {
    if (isSo()) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#waits.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const look = () => void (isSo() && end());
      const timer = setTimeout(end, msMax);
      this.#waits.add(look);
    });
  }

  #changed(): void {
    for (const look of this.#waits) look();
  }
}

const brokenPipe = (): Error => Object.assign(new Error("closed while it was written to"), { code: "EPIPE" });
