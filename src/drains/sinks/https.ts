/**
 * HTTPS and HTTP drains, in the format `logplex` to the byte of docs/spec/wire-out.md#d2-1, over one connection of the
 * drain's own, opened at the first parcel and kept. The client is our own (`http/`): Node's takes an answer for a
 * failure when its head is malformed, and then a parcel that was taken is sent again without end.
 *
 * One parcel at a time, so `onSent` is never called: only the answer says that a parcel was taken. Were the next one
 * under way by then, a 503 or a 413 for the first would find it taken already, and lines would arrive out of order; a
 * receiver that asks for fewer requests (429) would get more of them; and few servers read requests that are pipelined.
 */
import { isIP } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock, Parcel, Sink, Verdict } from "../../ports.ts";
import { inFewTurns } from "../../turns.ts";
import type { AddressPolicy, Resolve } from "../addresses.ts";
import { type HttpDestination, type ParcelBounds, parcelBounds } from "../destination.ts";
import type { Trace } from "../trace.ts";
import { type Buffers, freshBuffers } from "./buffers.ts";
import { expiring } from "./certificate.ts";
import { type TlsParts, timedOut } from "./connecting.ts";
import { nameOf } from "./endpoint.ts";
import { failureVerdict } from "./explain.ts";
import { bodyFormats } from "./formats/all-formats.ts";
import type { Body } from "./formats/body-format.ts";
import { type Answer, answerOf } from "./http/answer.ts";
import { HttpConnection, StaleConnection } from "./http/connection.ts";
import { type HeadOptions, RequestHead, whole } from "./http/request-head.ts";
import { judge } from "./judge.ts";
import { secretsOf } from "./secrets.ts";

/** How long things may take, and who may be reached: the same for all sinks. */
export type SinkLimits = {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
  /** Until the connection stands, TLS included. */
  readonly connectMsMax: number;
  /** One attempt, the connection included. */
  readonly attemptMsMax: number;
  /** The longest wait that a destination may ask for. */
  readonly retryAfterMsMax: number;
  readonly resolve: Resolve;
  /** Is told the steps of the one parcel of a sink that is made for a test. */
  readonly trace?: Trace;
};

export type HttpsSinkOptions = SinkLimits &
  TlsParts &
  HeadOptions & {
    readonly appId: string;
    /** Asked once, at the first parcel, by formats that name the app. */
    readonly appName?: () => Promise<string | undefined>;
    /** The memory that requests are written into. Absent: fresh. */
    readonly buffers?: Buffers;
  };

const compress = promisify(gzip);

/** A sink for one drain. */
export function httpsSink(options: HttpsSinkOptions): Sink {
  const { destination, clock, attemptMsMax, drainToken, appId, trace, buffers = freshBuffers } = options;
  const format = bodyFormats[destination.format];
  const secrets = secretsOf(destination, options.headers);
  const heads = new RequestHead(options, format.contentType);
  const requests = { buffers, readsBodyOfSuccess: format.rejected !== undefined };
  let appName: string | undefined;
  let asksName = destination.format !== "logplex" && options.appName !== undefined;
  let connection: HttpConnection | undefined;
  /** Ends the attempt under way. */
  let giveUp: (reason: Error) => void = () => {};
  /** The one that was listened to last: a drain's parcels all come with the same. */
  let watched: AbortSignal | undefined;
  const abort = () => giveUp(watched?.reason);
  const watch = (signal: AbortSignal | undefined) => {
    if (signal === watched) return;
    watched?.removeEventListener("abort", abort);
    watched = signal;
    signal?.addEventListener("abort", abort, { once: true });
  };

  const write = ({ slices }: Parcel) =>
    inFewTurns(format.write(slices, { drainToken, appId, appName, nowMs: clock.nowMs() }), appId);

  const open = async (): Promise<HttpConnection> => {
    const ending = new AbortController();
    giveUp = (reason) => ending.abort(reason);
    connection?.close();
    connection = await HttpConnection.open(destination, { ...options, ...requests }, ending.signal);
    if (ending.signal.aborted) throw ending.signal.reason;
    return connection;
  };

  const attempt = async (body: readonly Uint8Array[], bytes: number, parcel: Parcel): Promise<Answer> => {
    const timer = setTimeout(() => giveUp(timedOut("answer", attemptMsMax)), attemptMsMax);
    try {
      trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
      const usable = connection?.isUsable === true ? connection : await open();
      giveUp = (reason) => usable.giveUp(reason);
      const head = heads.of(parcel, body, bytes, clock.nowMs());
      const onSent = trace && (() => noteSent(trace, bytes));
      const answer = await usable.exchange(head, body, bytes, onSent);
      trace?.begin("answer");
      trace?.note(`status ${answer.status}`);
      return await answerOf(answer);
    } finally {
      clearTimeout(timer);
      giveUp = () => {};
    }
  };

  const verdictOn = (answer: Answer, { count: lines }: Parcel): Verdict => {
    const isTaken = answer.status >= 200 && answer.status < 300;
    const rejected = isTaken ? format.rejected?.(answer) : undefined;
    if (isTaken && rejected === undefined && connection?.certificate === undefined) return delivered;
    const nowMs = clock.nowMs();
    const verdict = judge(answer, { ...options, secrets, rejected, lines }, nowMs);
    const ending =
      verdict.kind === "delivered" && expiring(connection?.certificate, destination, nowMs);
    return ending ? { ...verdict, expiring: ending } : verdict;
  };

  return {
    async deliver(parcel, signal) {
      signal.throwIfAborted();
      watch(signal);
      if (asksName) appName = await options.appName!().catch(() => undefined);
      asksName = false;
      const written = write(parcel);
      const pieces = piecesOf(written instanceof Promise ? await written : written);
      const excess = excessOf(parcel, lengthOf(pieces), destination);
      if (excess !== undefined) return { kind: "split", reason: excess };
      const body = destination.compresses ? [await compress(whole(pieces))] : pieces;
      const bytes = lengthOf(body);
      for (let isFresh = false; ; isFresh = true) {
        try {
          signal.throwIfAborted();
          return verdictOn(await attempt(body, bytes, parcel), parcel);
        } catch (failure) {
          signal.throwIfAborted();
          if (!isFresh && failure instanceof StaleConnection) continue;
          return failureVerdict(failure, destination, options);
        }
      }
    },
    async close() {
      watch(undefined);
      giveUp(new Error("closed"));
      connection?.close();
    },
  };
}

const delivered: Verdict = { kind: "delivered" };

function noteSent(trace: Trace, bytes: number): void {
  trace.note(`${bytes} bytes`);
  trace.begin("answer");
}

// A receiver is not asked to refuse what its documentation says that it does not take.
function excessOf({ count }: Parcel, bytes: number, destination: HttpDestination): string | undefined {
  const { linesMax = count, bodyBytesMax = bytes }: ParcelBounds = parcelBounds[destination.format];
  if (count <= linesMax && bytes <= bodyBytesMax) return undefined;
  const [takes, has] =
    count > linesMax ? [`${linesMax} lines`, count] : [`${bodyBytesMax} bytes`, `${bytes} bytes`];
  return `${nameOf(destination)} takes ${takes} in a request of format ${destination.format}, not ${has}: log shorter lines`;
}

const piecesOf = (body: Body): readonly Uint8Array[] => (body instanceof Uint8Array ? [body] : body);

function lengthOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}
