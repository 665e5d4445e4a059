/**
 * Syslog drains over TCP and TLS, docs/spec/wire-out.md#d4-1 and the clauses after it. Syslog has no acknowledgement: a
 * parcel is sent when its bytes are flushed, and settled when the connection has stood for two more round trips, by
 * which time a peer that had closed it would have reset it; the first parcel on a connection waits a little longer. The
 * next one goes out as soon as it can be sent. A connection that breaks brings back everything unsettled, and one that
 * breaks soon afterwards also brings back what was sent last, which then goes first. `docs/drains.md` says what can
 * still go wrong.
 */
import { isIP } from "node:net";
import type { Parcel, Sink, Verdict } from "../../ports.ts";
import type { SyslogDestination } from "../destination.ts";
import type { Buffers } from "./buffers.ts";
import { expiring } from "./certificate.ts";
import { type TlsParts, timedOut } from "./connecting.ts";
import { nameOf } from "./endpoint.ts";
import { failureVerdict } from "./explain.ts";
import { type FrameOptions, strictFrames } from "./formats/rfc5424.ts";
import type { SinkLimits } from "./https.ts";
import { type End, SyslogConnection, type Write } from "./syslog-connection.ts";
import { Way } from "./syslog-way.ts";

export type SyslogSinkOptions = SinkLimits &
  TlsParts & {
    readonly destination: SyslogDestination;
    readonly drainToken: string;
    /** Memory to write into; absent: new memory each time. */
    readonly buffers?: Buffers;
    /** Called with the reason when recent deliveries may not have arrived. */
    readonly onBreak: (reason: string) => void;
  };

/** A sink for one drain. */
export const syslogSink = (options: SyslogSinkOptions): Sink => new SyslogSink(options);

type Beginning = { readonly delivering: Promise<Verdict>; isOver: boolean };

class SyslogSink implements Sink {
  readonly #options: SyslogSinkOptions;
  readonly #form: FrameOptions;
  #way: Way | undefined;
  /** Ends the opening of a connection. */
  #opening: AbortController | undefined;
  /** The parcel that was delivered last, settled or not. */
  #last: Promise<unknown> = Promise.resolve();
  /** The newest parcel that opened a connection, or waited for one: later parcels are settled after it. */
  #beginning: Beginning | undefined;
  /** The verdict on a parcel that others followed: nothing more may be delivered. */
  #spent: Verdict | undefined;

  constructor(options: SyslogSinkOptions) {
    this.#options = options;
    const { drainToken, buffers } = options;
    this.#form = { hostname: Buffer.from(drainToken), endsLines: true, ...(buffers && { buffers }) };
  }

  deliver(parcel: Parcel, signal: AbortSignal, onSent?: () => void): Promise<Verdict> {
    const way = this.#way;
    const follows = onSent !== undefined && way?.isUsed && way.connection.isOpen && !signal.aborted;
    const settling = follows
      ? this.#follow(way, parcel, signal, onSent)
      : this.#begin(this.#deliver(parcel, signal, onSent, this.#last));
    this.#last = settling;
    return settling;
  }

  giveUp(ms: number): void {
    this.#opening?.abort(timedOut("connection", ms));
    this.#way?.connection.giveUp(ms);
  }

  async close(): Promise<void> {
    const closing = this.#way?.connection;
    this.#way = undefined;
    await closing?.close();
  }

  async #deliver(
    parcel: Parcel,
    signal: AbortSignal,
    onSent: (() => void) | undefined,
    before: Promise<unknown>,
  ): Promise<Verdict> {
    const { destination, trace } = this.#options;
    signal.throwIfAborted();
    // A connection that ended takes nothing more; a new one is opened when the fate of all earlier parcels is known.
    if (this.#way?.connection.isOpen !== true) await before.catch(() => {}); // its own caller is told
    if (this.#spent !== undefined) return this.#spent;
    const bytes = strictFrames(parcel.slices, this.#form);
    try {
      trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
      let isTaken = await this.#attempt(bytes, signal, onSent);
      if (!isTaken && onSent !== undefined) return this.#end(grownOld(destination));
      if (!isTaken) isTaken = await this.#attempt(bytes, signal, undefined);
      trace?.note(`${bytes.length} bytes, and the connection stood`);
      return this.#delivered();
    } catch (failure) {
      signal.throwIfAborted();
      const verdict = this.#verdictOn(failure);
      return onSent === undefined ? verdict : this.#end(verdict);
    }
  }

  #begin(delivering: Promise<Verdict>): Promise<Verdict> {
    const beginning = { delivering, isOver: false };
    this.#beginning = beginning;
    const end = () => {
      beginning.isOver = true;
    };
    delivering.then(end, end);
    return delivering;
  }

  // Follows others on an open connection: at once, and waits only for its own end.
  #follow(way: Way, parcel: Parcel, signal: AbortSignal, onSent: () => void): Promise<Verdict> {
    if (this.#spent !== undefined) return Promise.resolve(this.#spent);
    const bytes = strictFrames(parcel.slices, this.#form);
    const following = new Following(this, way, this.#options, bytes, signal, onSent, this.#beginning);
    way.connection.write(following);
    return following.verdict;
  }

  /** A parcel that followed others stood, or the connection ended after it. */
  settledVerdict(way: Way, end: End): Verdict {
    if (way.isTaken(end, true)) return this.#delivered();
    return this.#end(grownOld(this.#options.destination));
  }

  /** A parcel that followed others failed. */
  failedVerdict(way: Way, failure: unknown): Verdict {
    const isOld = way.hasGrownOld(failure, true);
    return this.#end(isOld ? grownOld(this.#options.destination) : this.#verdictOn(failure));
  }

  #delivered(): Verdict {
    const { destination, clock } = this.#options;
    const shown = destination.verifies ? this.#way?.connection.certificate : undefined;
    const ending = shown && expiring(shown, destination, clock.nowMs());
    return ending === undefined ? delivered : { kind: "delivered", expiring: ending };
  }

  #verdictOn(failure: unknown): Verdict {
    return failureVerdict(failure, this.#options.destination, this.#options);
  }

  #end(verdict: Verdict): Verdict {
    this.#spent ??= verdict;
    return this.#spent;
  }

  // False when the connection was open before and is gone: perhaps only because of its age, so a fresh one may work.
  async #attempt(bytes: Buffer, signal: AbortSignal, onSent: (() => void) | undefined): Promise<boolean> {
    const { attemptMsMax: msMax, buffers } = this.#options;
    const way = await this.#open(signal);
    const isReused = way.isUsed;
    way.isUsed = true;
    const flushed = () => {
      if (onSent === undefined) return;
      buffers?.give(bytes); // the kernel has it, and whoever follows what is sent does not send it again from here
      onSent();
    };
    try {
      const end = await new Promise<End>((settled, failed) =>
        way.connection.write({ bytes, msMax, signal, flushed, settled, failed }),
      );
      if (end === "ended") this.drop(way); // it closes by itself
      return way.isTaken(end, isReused);
    } catch (failure) {
      this.drop(way);
      way.connection.destroy();
      if (signal.aborted || !way.hasGrownOld(failure, isReused)) throw failure;
      return false;
    }
  }

  async #open(signal: AbortSignal): Promise<Way> {
    if (this.#way?.connection.isOpen === true) return this.#way;
    const opening = new AbortController();
    const abort = () => opening.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#opening = opening;
    try {
      this.#way = new Way(await SyslogConnection.open(this.#options, opening.signal), this.#options);
      return this.#way;
    } finally {
      this.#opening = undefined;
      signal.removeEventListener("abort", abort);
    }
  }

  /** Nothing more is sent over it. */
  drop(way: Way): void {
    if (this.#way === way) this.#way = undefined;
  }
}

/** A parcel that follows others on an open connection. */
class Following implements Write {
  readonly verdict: Promise<Verdict>;
  readonly bytes: Buffer;
  readonly signal: AbortSignal;
  readonly #sink: SyslogSink;
  readonly #way: Way;
  readonly #options: SyslogSinkOptions;
  readonly #onSent: () => void;
  readonly #before: Beginning | undefined;
  #resolve!: (verdict: Verdict) => void;
  #reject!: (reason: unknown) => void;

  constructor(
    sink: SyslogSink,
    way: Way,
    options: SyslogSinkOptions,
    bytes: Buffer,
    signal: AbortSignal,
    onSent: () => void,
    before: Beginning | undefined,
  ) {
    this.#sink = sink;
    this.#way = way;
    this.#options = options;
    this.bytes = bytes;
    this.signal = signal;
    this.#onSent = onSent;
    this.#before = before;
    this.verdict = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get msMax(): number {
    return this.#options.attemptMsMax;
  }

  flushed(): void {
    this.#options.buffers?.give(this.bytes);
    this.#onSent();
  }

  settled(end: End): void {
    if (end === "ended") this.#sink.drop(this.#way);
    inTurn(this.#before, () => this.#resolve(this.#sink.settledVerdict(this.#way, end)));
  }

  failed(failure: unknown): void {
    this.#sink.drop(this.#way);
    this.#way.connection.destroy();
    inTurn(this.#before, () => {
      if (this.signal.aborted) this.#reject(this.signal.reason);
      else this.#resolve(this.#sink.failedVerdict(this.#way, failure));
    });
  }
}

const delivered: Verdict = { kind: "delivered" };

// The parcel that opened the connection is reported first.
function inTurn(before: Beginning | undefined, tell: () => void): void {
  if (before === undefined || before.isOver) tell();
  else before.delivering.then(tell, tell);
}

const grownOld = (destination: SyslogDestination): Verdict => ({
  kind: "retry",
  reason: `${nameOf(destination)} ended a connection that was in use; the lines are sent again over a new one`,
  stale: true,
});
