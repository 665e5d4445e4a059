/**
 * Syslog drains over TCP and TLS, docs/spec/wire-out.md#d4-1 and on. Syslog has no acknowledgement: a parcel is sent
 * when its bytes were flushed, and settled when the connection stood for two round trips more, which is when a peer
 * that had closed it would have reset it; the first one over a connection waits a little longer. What comes next goes
 * out as soon as it may be sent. A connection that breaks brings back all that was not settled, and one that breaks
 * soon after that what was sent last, which then goes first. What remains possible is in `docs/drains.md`.
 */
import { isIP } from "node:net";
import type { Parcel, Sink, Verdict } from "../../ports.ts";
import type { SyslogDestination } from "../destination.ts";
import type { Buffers } from "./buffers.ts";
import { expiring } from "./certificate.ts";
import type { TlsParts } from "./connecting.ts";
import { nameOf } from "./endpoint.ts";
import { explainFailure, failureVerdict } from "./explain.ts";
import { type FrameOptions, strictFrames } from "./formats/rfc5424.ts";
import type { SinkLimits } from "./https.ts";
import { SyslogConnection } from "./syslog-connection.ts";
import { isTalk } from "./talk.ts";

export type SyslogSinkOptions = SinkLimits &
  TlsParts & {
    readonly destination: SyslogDestination;
    readonly drainToken: string;
    /** Memory for what is sent; absent: new memory each time. */
    readonly buffers?: Buffers;
    /** Is told why when what was delivered lately may not have arrived. */
    readonly onBreak: (reason: string) => void;
  };

/** A connection that breaks so long after its last write says nothing of that. */
const breakMsMax = 30_000;

/** A sink for one drain. */
export const syslogSink = (options: SyslogSinkOptions): Sink => new SyslogSink(options);

/** A connection, and when what went over it was settled last. */
type Way = { readonly connection: SyslogConnection; settledAtMs: number; isUsed: boolean };

class SyslogSink implements Sink {
  readonly #options: SyslogSinkOptions;
  readonly #form: FrameOptions;
  #way: Way | undefined;
  /** The parcel that was delivered last, settled or not. */
  #last: Promise<unknown> = Promise.resolve();
  /** The verdict of a parcel that others followed: nothing may be delivered any more. */
  #spent: Verdict | undefined;

  constructor(options: SyslogSinkOptions) {
    this.#options = options;
    const { drainToken, buffers } = options;
    this.#form = { hostname: Buffer.from(drainToken), endsLines: true, ...(buffers && { buffers }) };
  }

  deliver(parcel: Parcel, signal: AbortSignal, onSent?: () => void): Promise<Verdict> {
    const settling = this.#deliver(parcel, signal, onSent, this.#last);
    this.#last = settling;
    return settling;
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
    const { destination, clock, trace } = this.#options;
    signal.throwIfAborted();
    // A connection that ended takes nothing more, and a new one is opened when it is known what became of all before.
    if (this.#way?.connection.isOpen !== true) await before.catch(() => {}); // whoever called is told
    if (this.#spent !== undefined) return this.#spent;
    const bytes = strictFrames(parcel.slices, this.#form);
    try {
      trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
      let isTaken = await this.#attempt(bytes, signal, onSent);
      if (!isTaken && onSent !== undefined)
        return this.#end({ kind: "retry", reason: grownOld(destination), stale: true });
      if (!isTaken) isTaken = await this.#attempt(bytes, signal, undefined);
      trace?.note(`${bytes.length} bytes, and the connection stood`);
      const shown = destination.verifies ? this.#way?.connection.certificate : undefined;
      const ending = expiring(shown, destination, clock.nowMs());
      return ending === undefined ? { kind: "delivered" } : { kind: "delivered", expiring: ending };
    } catch (failure) {
      signal.throwIfAborted();
      const verdict = failureVerdict(failure, destination, this.#options);
      return onSent === undefined ? verdict : this.#end(verdict);
    }
  }

  #end(verdict: Verdict): Verdict {
    this.#spent ??= verdict;
    return this.#spent;
  }

  // False when the connection stood before and is gone: that may be its age alone, and a fresh one may do.
  async #attempt(bytes: Buffer, signal: AbortSignal, onSent: (() => void) | undefined): Promise<boolean> {
    const { clock, attemptMsMax, buffers } = this.#options;
    const way = await this.#open(signal);
    const isReused = way.isUsed;
    way.isUsed = true;
    const { connection } = way;
    try {
      const onFlushed = () => {
        if (onSent === undefined) return;
        buffers?.give(bytes); // the kernel has it, and whoever follows what is sent does not send it again from here
        onSent();
      };
      const write = { bytes, msMax: attemptMsMax, signal, onFlushed };
      const end = await connection.write(write);
      if (end === "ended") this.#drop(way); // it closes by itself
      // A peer that ends a fresh connection, and does not reset it, has read what came; one that stood may be ended for
      // its age.
      if (end === "ended" && isReused) return false;
      way.settledAtMs = clock.monotonicMs();
      return true;
    } catch (failure) {
      this.#drop(way);
      connection.destroy();
      if (signal.aborted || !isReused) throw failure;
      // Parcels that were flushed before this one may have been on their way still; then those go first.
      if (this.#broke(way, failure) || !isReset(failure)) throw failure;
      return false;
    }
  }

  async #open(signal: AbortSignal): Promise<Way> {
    if (this.#way?.connection.isOpen === true) return this.#way;
    const connection = await SyslogConnection.open(this.#options, signal);
    const way = { connection, settledAtMs: Number.NEGATIVE_INFINITY, isUsed: false };
    connection.onBreak = (failure) => this.#broke(way, failure);
    this.#way = way;
    return way;
  }

  #drop(way: Way): void {
    if (this.#way === way) this.#way = undefined;
  }

  // True when what was settled last may not have arrived.
  #broke(way: Way, failure: unknown): boolean {
    const { clock, onBreak, destination } = this.#options;
    const isSoon = clock.monotonicMs() - way.settledAtMs <= breakMsMax;
    way.settledAtMs = Number.NEGATIVE_INFINITY;
    if (isSoon) onBreak(brokenSoon(failure, destination));
    return isSoon;
  }
}

const isReset = (failure: unknown): boolean =>
  ["ECONNRESET", "EPIPE"].includes((failure as NodeJS.ErrnoException).code ?? "");

const grownOld = (destination: SyslogDestination): string =>
  `${nameOf(destination)} ended a connection that was in use; the lines are sent again over a new one`;

const brokenSoon = (failure: unknown, destination: SyslogDestination): string =>
  isTalk(failure)
    ? `${explainFailure(failure, destination)}; lines that were just sent are sent again`
    : `${nameOf(destination)} broke the connection soon after lines were sent, so these are sent again: does it restart, or not take octet-counted frames (RFC 6587)?`;
