/**
 * HTTPS and HTTP drains, to the byte of `logplex.md` §7.1. Node's own client, since it writes the headers it is
 * given, in their order and spelling, and none besides. One connection, opened at the first parcel and kept.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { toLogplex } from "../../core/lines.ts";
import type { Clock, Parcel, Sink, Verdict } from "../../ports.ts";
import { type AddressPolicy, checkedLookup, checkLiteral } from "../addresses.ts";
import type { Destination } from "../destination.ts";
import { explainAnswer, explainFailure, isCertificateFailure } from "./explain.ts";

export type HttpsSinkOptions = {
  readonly destination: Destination;
  readonly drainToken: string;
  readonly userAgent: string;
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
  /** Instead of the system's authorities, PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
};

/** More of an answer's body is not read: the connection is closed. */
const answerBytesMax = 8_192;
/** For the rest of an answer whose status is known. */
const answerMsMax = 1_000;
/** First bytes of an unwelcome answer that its owner gets to see. */
const excerptBytesMax = 200;

type Answer = { readonly status: number; readonly retryAfter: string | undefined; readonly excerpt: string };

/** A kept connection was closed by the peer while it was idle: that says nothing of the peer. */
class StaleConnection extends Error {
  readonly code = "ECONNRESET";
}

/** A sink for one drain. */
export function httpsSink(options: HttpsSinkOptions): Sink {
  const { destination, policy, clock, attemptMsMax, retryAfterMsMax } = options;
  const send = destination.secure ? httpsRequest : httpRequest;
  const agentOptions = { keepAlive: true, maxSockets: 1, lookup: checkedLookup(policy, options.resolve) };
  const agent = destination.secure
    ? // An own agent for each drain: connections and TLS sessions are shared with nobody.
      new HttpsAgent({ ...agentOptions, maxCachedSessions: 0, ...pick(options, "ca", "cert", "key") })
    : new HttpAgent(agentOptions);

  const attempt = (body: Uint8Array, parcel: Parcel, signal: AbortSignal) =>
    new Promise<Answer>((resolve, reject) => {
      const request = send({
        agent,
        method: "POST",
        host: destination.host,
        port: destination.port,
        path: destination.path,
        headers: headersOf(options, parcel, body.length),
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
        if (!isAnswered) reject(new Error("closed before an answer")); // no effect when it is settled
      });
      request.on("error", (failure: NodeJS.ErrnoException) => {
        const isReset = failure.code === "ECONNRESET" || failure.code === "EPIPE";
        reject(request.reusedSocket && isReset ? new StaleConnection() : failure);
      });
      request.once("socket", (socket) => watchConnecting(socket, request, options.connectMsMax));
      request.once("response", (response) => {
        isAnswered = true; // the request may close before the answer was read to its end
        readAnswer(response).then(resolve, reject);
      });
      request.end(body);
    });

  return {
    async deliver(parcel, signal) {
      signal.throwIfAborted();
      const body = bodyOf(parcel);
      for (let isFresh = false; ; isFresh = true) {
        try {
          checkLiteral(destination.host, policy);
          const answer = await attempt(body, parcel, signal);
          return judge(answer, destination, retryAfterMsMax, clock.nowMs());
        } catch (failure) {
          signal.throwIfAborted();
          if (!isFresh && failure instanceof StaleConnection) continue;
          const reason = explainFailure(failure, destination);
          return isCertificateFailure(failure)
            ? { kind: "retry", reason, certificate: true }
            : { kind: "retry", reason };
        }
      }
    },
    async close() {
      agent.destroy();
    },
  };
}

/** The verdict table of `design.md` §7: total over all statuses, so that no parcel leaves uncounted. */
export function judge(
  answer: Answer,
  destination: Pick<Destination, "host" | "port" | "authorization">,
  retryAfterMsMax: number,
  nowMs: number,
): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const reason = explainAnswer(status, answer.excerpt, destination);
  if (status === 413) return { kind: "split", reason };
  if (status === 400 || status === 415 || status === 422) return { kind: "refused", reason };
  const afterMs = retryAfterMs(answer.retryAfter, nowMs);
  return afterMs === undefined
    ? { kind: "retry", reason }
    : { kind: "retry", reason, afterMs: Math.min(afterMs, retryAfterMsMax) };
}

/** `Retry-After`, seconds or a date (RFC 9110 §10.2.3), as a wait; undefined when it is absent or neither. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function headersOf({ destination, drainToken, userAgent }: HttpsSinkOptions, parcel: Parcel, bytes: number) {
  return {
    Host: destination.hostHeader,
    ...(destination.authorization && { Authorization: destination.authorization }),
    "Content-Type": "application/logplex-1",
    "Logplex-Msg-Count": parcel.count,
    "Logplex-Frame-Id": parcel.frameId,
    "Logplex-Drain-Token": drainToken,
    "User-Agent": userAgent,
    "Content-Length": bytes,
  };
}

function bodyOf({ slices }: Parcel): Uint8Array {
  const bodies = slices.map((slice) => toLogplex(slice).bytes);
  return bodies.length === 1 ? bodies[0]! : Buffer.concat(bodies);
}

// Resolves at the end of the answer, or when there is no reason to read on: the status alone decides.
function readAnswer(response: IncomingMessage): Promise<Answer> {
  return new Promise((resolve) => {
    const status = response.statusCode ?? 0;
    let excerpt = "";
    let bytesRead = 0;
    const timer = setTimeout(() => response.destroy(), answerMsMax);
    const settle = () => {
      clearTimeout(timer);
      resolve({ status, retryAfter: response.headers["retry-after"], excerpt });
    };
    response.on("data", (chunk: Buffer) => {
      if (excerpt.length < excerptBytesMax) excerpt += chunk.toString("utf8", 0, excerptBytesMax);
      bytesRead += chunk.length;
      if (bytesRead > answerBytesMax) response.destroy();
    });
    response.on("error", settle);
    response.once("close", settle);
  });
}

function watchConnecting(socket: Socket, request: ClientRequest, connectMsMax: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => request.destroy(timedOut("connection", connectMsMax)), connectMsMax);
  const stop = () => clearTimeout(timer);
  socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", stop);
  socket.once("close", stop);
  if (socket instanceof TLSSocket) keepCertificate(socket);
}

// Node drops the certificate with the connection when it does not hold; the owner needs its names and dates.
function keepCertificate(socket: TLSSocket): void {
  let certificate: PeerCertificate | undefined;
  socket.prependOnceListener("secure", () => {
    certificate = socket.getPeerCertificate();
  });
  socket.prependListener("error", (failure: Error & { cert?: PeerCertificate }) => {
    if (certificate !== undefined && isCertificateFailure(failure)) failure.cert ??= certificate;
  });
}

const timedOut = (awaited: "connection" | "answer", ms: number) =>
  Object.assign(new Error(`no ${awaited} within ${ms} ms`), { code: "TIMED_OUT", awaited, ms });

function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key];
  return picked;
}
