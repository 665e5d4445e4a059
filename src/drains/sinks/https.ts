/**
 * HTTPS and HTTP drains, in the format `logplex` to the byte of `logplex.md` §7.1. Node's own client, since it writes
 * the headers it is given, in their order and spelling, and none besides. One connection, opened at the first parcel
 * and kept.
 */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock, Parcel, Sink } from "../../ports.ts";
import { type AddressPolicy, checkedLookup, checkLiteral } from "../addresses.ts";
import { type HttpDestination, type ParcelBounds, parcelBounds } from "../destination.ts";
import type { Trace } from "../trace.ts";
import { type Answer, answerOf, readAnswer } from "./answer.ts";
import { type Certificate, expiring } from "./certificate.ts";
import { type TlsParts, timedOut, watchConnecting } from "./connecting.ts";
import { failureVerdict } from "./explain.ts";
import { bodyFormats } from "./formats/all-formats.ts";
import { judge } from "./judge.ts";
import { nameOf } from "./place.ts";
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
  /** Instead of the system's resolver. */
  readonly resolve?: Parameters<typeof checkedLookup>[1];
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

/** A kept connection was closed by the peer while it was idle: that says nothing of the peer. */
class StaleConnection extends Error {
  readonly code = "ECONNRESET";
}

/** A sink for one drain. */
export function httpsSink(options: HttpsSinkOptions): Sink {
  const { destination, policy, clock, attemptMsMax, drainToken, appId, trace } = options;
  const format = bodyFormats[destination.format];
  const secrets = secretsOf(destination, options.headers);
  const send = destination.secure ? httpsRequest : httpRequest;
  const agentOptions = { keepAlive: true, maxSockets: 1, lookup: checkedLookup(policy, options.resolve) };
  const agent = destination.secure
    ? // An own agent for each drain: connections and TLS sessions are shared with nobody.
      new HttpsAgent({ ...agentOptions, maxCachedSessions: 0, ...tlsOf(options) })
    : new HttpAgent(agentOptions);
  let appName: Promise<string | undefined> | undefined;
  /** Of the connection that stands. */
  let certificate: Certificate | undefined;

  const write = async ({ slices }: Parcel): Promise<readonly Uint8Array[]> => {
    if (destination.format !== "logplex") appName ??= options.appName?.().catch(() => undefined);
    const context = { drainToken, appId, appName: await appName, nowMs: clock.nowMs() };
    return [format.write(slices, context)].flat();
  };

  const attempt = (body: readonly Uint8Array[], parcel: Parcel, signal: AbortSignal) =>
    new Promise<Answer>((resolve, reject) => {
      const request = send({
        agent,
        method: "POST",
        host: destination.host,
        port: destination.port,
        path: destination.path,
        headers: headersOf(options, format.contentType, parcel, body),
      });
      let isAnswered = false;
      // `Connection: keep-alive` is the default of HTTP/1.1 and is not said.
      request.removeHeader("connection");
      const timer = setTimeout(() => request.destroy(timedOut("answer", attemptMsMax)), attemptMsMax);
      const abort = () => request.destroy(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      request.once("close", () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        if (isAnswered) return;
        reject(Object.assign(new Error("closed before an answer"), { code: "ECONNRESET" })); // no effect when settled
      });
      request.on("error", (failure: NodeJS.ErrnoException) => {
        const isReset = failure.code === "ECONNRESET" || failure.code === "EPIPE";
        if (!isAnswered) reject(request.reusedSocket && isReset ? new StaleConnection() : failure);
      });
      request.once("socket", (socket) =>
        watchConnecting(
          socket,
          options,
          (failure) => request.destroy(failure),
          (shown) => {
            certificate = shown;
          },
        ),
      );
      if (trace !== undefined) {
        request.once("finish", () => {
          if (isAnswered) return;
          trace.note(`${lengthOf(body)} bytes`);
          trace.begin("answer");
        });
      }
      request.once("response", (response) => {
        isAnswered = true; // the request may close, or fail, before the answer was read to its end
        trace?.begin("answer");
        trace?.note(`status ${response.statusCode}`);
        readAnswer(response).then((answer) => {
          if (!request.writableFinished) request.destroy(); // answered before it was read: what is left has no reader
          resolve(answer);
        }, reject);
      });
      // A connection that became another protocol's is of no use, but its status is an answer.
      request.once("upgrade", (response, socket) => {
        isAnswered = true;
        socket.destroy();
        resolve(answerOf(response, Buffer.alloc(0), false));
      });
      request.cork();
      for (const piece of body) request.write(piece);
      request.end();
    });

  return {
    async deliver(parcel, signal) {
      signal.throwIfAborted();
      const pieces = await write(parcel);
      const excess = excessOf(parcel, lengthOf(pieces), destination);
      if (excess !== undefined) return { kind: "split", reason: excess };
      const body = destination.compresses ? [await compress(whole(pieces))] : pieces;
      for (let isFresh = false; ; isFresh = true) {
        try {
          trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
          checkLiteral(destination.host, policy);
          const answer = await attempt(body, parcel, signal);
          const isTaken = answer.status >= 200 && answer.status < 300;
          const rejected = isTaken ? format.rejected?.(answer) : undefined;
          const judging = { ...options, secrets, rejected, lines: parcel.count };
          const verdict = judge(answer, judging, clock.nowMs());
          const ending = verdict.kind === "delivered" && expiring(certificate, destination, clock.nowMs());
          return ending ? { ...verdict, expiring: ending } : verdict;
        } catch (failure) {
          signal.throwIfAborted();
          if (!isFresh && failure instanceof StaleConnection) continue;
          return failureVerdict(failure, destination, options);
        }
      }
    },
    async close() {
      agent.destroy();
    },
  };
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
    "Logplex-Frame-Id": parcel.frameId,
    "Logplex-Drain-Token": options.drainToken,
    "User-Agent": options.userAgent,
    ...headers,
    ...(secrets.length > 0 && {
      [signatureHeader]: signatureOf(whole(body), secrets, options.clock.nowMs()),
    }),
    "Content-Length": lengthOf(body),
  };
}

// What the receiver's documentation says that it takes, it is not asked to refuse.
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

const tlsOf = ({ ca, cert, key }: TlsParts) => ({
  minVersion: "TLSv1.2" as const, // whatever Node, or its environment, takes for the least
  ...(ca !== undefined && { ca }),
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
});
