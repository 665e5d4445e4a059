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
import type { Clock, Parcel, Sink } from "../../ports.ts";
import { inTurns } from "../../turns.ts";
import type { AddressPolicy, Resolve } from "../addresses.ts";
import { type HttpDestination, type ParcelBounds, parcelBounds } from "../destination.ts";
import type { Trace } from "../trace.ts";
import { expiring } from "./certificate.ts";
import { type TlsParts, timedOut } from "./connecting.ts";
import { nameOf } from "./endpoint.ts";
import { failureVerdict } from "./explain.ts";
import { bodyFormats } from "./formats/all-formats.ts";
import { answerOf } from "./http/answer.ts";
import { HttpConnection, StaleConnection } from "./http/connection.ts";
import { judge } from "./judge.ts";
import { secretsOf } from "./secrets.ts";
import { signatureHeader, signatureOf } from "./signature.ts";

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
  TlsParts & {
    readonly destination: HttpDestination;
    readonly drainToken: string;
    readonly userAgent: string;
    readonly appId: string;
    /** Asked once, at the first parcel, by formats that name the app. */
    readonly appName?: () => Promise<string | undefined>;
    /** Sent besides, or instead of the `Authorization` of the URL. */
    readonly headers?: Readonly<Record<string, string>>;
    /** Sign the bodies: the current secret, and the one before it. */
    readonly secrets?: readonly string[];
  };

const compress = promisify(gzip);

/** A sink for one drain. */
export function httpsSink(options: HttpsSinkOptions): Sink {
  const { destination, clock, attemptMsMax, drainToken, appId, trace } = options;
  const format = bodyFormats[destination.format];
  const secrets = secretsOf(destination, options.headers);
  let appName: Promise<string | undefined> | undefined;
  let connection: HttpConnection | undefined;
  /** Ends the attempt under way. */
  let giveUp: (reason: Error) => void = () => {};

  const write = async ({ slices }: Parcel): Promise<readonly Uint8Array[]> => {
    if (destination.format !== "logplex") appName ??= options.appName?.().catch(() => undefined);
    const context = { drainToken, appId, appName: await appName, nowMs: clock.nowMs() };
    return [await inTurns(format.write(slices, context), appId)].flat();
  };

  const attempt = async (body: readonly Uint8Array[], parcel: Parcel, signal: AbortSignal) => {
    const ending = new AbortController();
    giveUp = (reason) => ending.abort(reason);
    const timer = setTimeout(() => giveUp(timedOut("answer", attemptMsMax)), attemptMsMax);
    const abort = () => giveUp(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
      if (connection?.isUsable !== true) {
        connection?.close();
        connection = await HttpConnection.open(destination, options, ending.signal);
      }
      const exchange = {
        pieces: [Buffer.from(headOf(options, format.contentType, parcel, body), "latin1"), ...body],
        readsBodyOfSuccess: format.rejected !== undefined,
        onSent: () => {
          trace?.note(`${lengthOf(body)} bytes`);
          trace?.begin("answer");
        },
      };
      const answer = await connection.exchange(exchange, ending.signal);
      trace?.begin("answer");
      trace?.note(`status ${answer.status}`);
      return await answerOf(answer);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  };

  return {
    async deliver(parcel, signal) {
      signal.throwIfAborted();
      const pieces = await write(parcel);
      const excess = excessOf(parcel, lengthOf(pieces), destination);
      if (excess !== undefined) return { kind: "split", reason: excess };
      const body = destination.compresses ? [await compress(whole(pieces))] : pieces;
      for (let isFresh = false; ; isFresh = true) {
        try {
          const answer = await attempt(body, parcel, signal);
          const isTaken = answer.status >= 200 && answer.status < 300;
          const rejected = isTaken ? format.rejected?.(answer) : undefined;
          const judging = { ...options, secrets, rejected, lines: parcel.count };
          const verdict = judge(answer, judging, clock.nowMs());
          const ending =
            verdict.kind === "delivered" && expiring(connection?.certificate, destination, clock.nowMs());
          return ending ? { ...verdict, expiring: ending } : verdict;
        } catch (failure) {
          signal.throwIfAborted();
          if (!isFresh && failure instanceof StaleConnection) continue;
          return failureVerdict(failure, destination, options);
        }
      }
    },
    async close() {
      giveUp(new Error("closed"));
      connection?.close();
    },
  };
}

/** The head of a request, in the order and spelling of docs/spec/wire-out.md#d2-1, and without a header more. */
function headOf(
  options: HttpsSinkOptions,
  contentType: string,
  parcel: Parcel,
  body: readonly Uint8Array[],
): string {
  const headers = Object.entries(headersOf(options, contentType, parcel, body));
  // None of these is a line of its own: what an owner gives was checked when it was stored.
  const lines = headers.map(([name, value]) => `${name}: ${String(value).replace(/[\r\n\0]/g, " ")}\r\n`);
  return `POST ${options.destination.path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function headersOf(
  options: HttpsSinkOptions,
  contentType: string,
  parcel: Parcel,
  body: readonly Uint8Array[],
) {
  const { destination, headers = {}, secrets = [] } = options;
  const hasOwn = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  return {
    Host: destination.hostHeader,
    ...(destination.authorization && !hasOwn && { Authorization: destination.authorization }),
    "Content-Type": contentType,
    ...(destination.compresses && { "Content-Encoding": "gzip" }),
    "Logplex-Msg-Count": parcel.count,
    "Logplex-Frame-Id": parcel.parcelId,
    "Logplex-Drain-Token": options.drainToken,
    "User-Agent": options.userAgent,
    ...headers,
    ...(secrets.length > 0 && {
      [signatureHeader]: signatureOf(whole(body), secrets, options.clock.nowMs()),
    }),
    "Content-Length": lengthOf(body),
  };
}

// A receiver is not asked to refuse what its documentation says that it does not take.
function excessOf({ count }: Parcel, bytes: number, destination: HttpDestination): string | undefined {
  const { linesMax = count, bodyBytesMax = bytes }: ParcelBounds = parcelBounds[destination.format];
  if (count <= linesMax && bytes <= bodyBytesMax) return undefined;
  const [takes, has] =
    count > linesMax ? [`${linesMax} lines`, count] : [`${bodyBytesMax} bytes`, `${bytes} bytes`];
  return `${nameOf(destination)} takes ${takes} in a request of format ${destination.format}, not ${has}: log shorter lines`;
}

const lengthOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((bytes, piece) => bytes + piece.length, 0);

const whole = (pieces: readonly Uint8Array[]): Uint8Array =>
  pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
