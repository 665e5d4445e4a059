/**
 * HTTPS and HTTP drains; in the format `logplex` byte for byte as docs/spec/wire-out.md#d2-1. Each drain has one
 * connection, opened for its first parcel and kept. The client is our own (`http/`): Node's treats an answer with a
 * malformed head as a failure, so a parcel that was accepted would be sent again without end.
 *
 * One parcel at a time, so `onSent` is never called: only the answer says that a parcel was accepted. If the next one
 * were already under way, it might be accepted after a 503 or a 413 for the first, and lines would arrive out of order;
 * a receiver that asks for fewer requests (429) would get more of them; and few servers read pipelined requests.
 */
import { isIP } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Secrets, secretsOf } from "../../core/secrets/repeated-secrets.ts";
import { startDeadline } from "../../deadline.ts";
import type { Clock, Parcel, Sink, Verdict } from "../../ports.ts";
import { inFewTurns } from "../../turns.ts";
import type { AddressPolicy, Resolve } from "../addresses.ts";
import { type HttpDestination, type ParcelBounds, parcelBounds } from "../destination.ts";
import type { Trace } from "../trace.ts";
import type { BodyPlace, BodyPlaces } from "./body-places.ts";
import { type Buffers, freshBuffers } from "./buffers.ts";
import { expiring } from "./certificate.ts";
import { type TlsParts, timedOut } from "./connecting.ts";
import { nameOf } from "./endpoint.ts";
import { failureVerdict } from "./explain.ts";
import { bodyFormats } from "./formats/all-formats.ts";
import type { BodyFormat, Body as Written } from "./formats/body-format.ts";
import { type Answer, answerOf, type RawAnswer } from "./http/answer.ts";
import { HttpConnection, type Requests, StaleConnection } from "./http/connection.ts";
import { type HeadOptions, RequestHead, whole } from "./http/request-head.ts";
import { judge } from "./judge.ts";

/** How long things may take, and which addresses are allowed: the same for all sinks. */
export type SinkLimits = {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
  /** For opening the connection, including TLS. */
  readonly connectMsMax: number;
  /** For one attempt, including the connection. */
  readonly attemptMsMax: number;
  /** The longest wait that a destination may ask for. */
  readonly retryAfterMsMax: number;
  readonly resolve: Resolve;
  /** Records the steps of the parcel of a sink that is made for a test. */
  readonly trace?: Trace;
};

type HttpsSinkOptions = SinkLimits &
  TlsParts &
  HeadOptions & {
    readonly appId: string;
    /** Called once, for the first parcel, by formats that name the app. */
    readonly appName?: () => Promise<string | undefined>;
    /** The memory that requests are written into. Absent: new memory each time. */
    readonly buffers?: Buffers;
    /** Bounds the memory of bodies. Absent: nothing does. */
    readonly places?: BodyPlaces;
  };

/** The body of a request on its way. Its memory is let go once the connection has taken all of it. */
class Body {
  readonly bytes: number;
  readonly #place: BodyPlace | undefined;
  #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[], place: BodyPlace | undefined) {
    this.#pieces = pieces;
    this.bytes = lengthOf(pieces);
    this.#place = place;
    place?.setOut(this.bytes);
  }

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  letGo(): void {
    this.#pieces = [];
    this.#place?.end();
  }
}

/** A body, or why it is too long. */
type Made = Body | string;

const compress = promisify(gzip);

/** A sink for one drain. */
export const httpsSink = (options: HttpsSinkOptions): Sink => new HttpsSink(options);

class HttpsSink implements Sink {
  readonly #options: HttpsSinkOptions;
  readonly #format: BodyFormat;
  readonly #secrets: Secrets;
  readonly #heads: RequestHead;
  readonly #requests: Requests;
  #appName: string | undefined;
  #asksName: boolean;
  #connection: HttpConnection | undefined;
  /** Ends the attempt under way. */
  #giveUp: (reason: Error) => void = () => {};
  /** The signal that was last listened to: all parcels of a drain come with the same one. */
  #watched: AbortSignal | undefined;

  constructor(options: HttpsSinkOptions) {
    const { destination, buffers = freshBuffers } = options;
    this.#options = options;
    this.#format = bodyFormats[destination.format];
    this.#secrets = secretsOf(destination, options.headers);
    this.#heads = new RequestHead(options, this.#format.contentType);
    this.#requests = { buffers, readsBodyOfSuccess: this.#format.rejected !== undefined };
    this.#asksName = destination.format !== "logplex" && options.appName !== undefined;
  }

  async deliver(parcel: Parcel, signal: AbortSignal): Promise<Verdict> {
    signal.throwIfAborted();
    this.#watch(signal);
    if (this.#asksName) this.#appName = await this.#options.appName!().catch(() => undefined);
    this.#asksName = false;
    for (let isFresh = false; ; isFresh = true) {
      let place: BodyPlace | undefined;
      try {
        const taking = this.#takePlace(parcel);
        place = taking instanceof Promise ? await taking : taking;
        const making = this.#bodyOf(parcel, place);
        const body = making instanceof Promise ? await making : making;
        if (typeof body === "string") return { kind: "split", reason: body };
        signal.throwIfAborted();
        return this.#verdictOn(await this.#attempt(body, parcel), parcel);
      } catch (failure) {
        signal.throwIfAborted();
        if (isFresh || !(failure instanceof StaleConnection))
          return failureVerdict(failure, this.#options.destination, this.#options);
      } finally {
        place?.end();
      }
    }
  }

  // In the format `logplex` lines are sent from where they are stored.
  #takePlace(parcel: Parcel): BodyPlace | Promise<BodyPlace> | undefined {
    const { destination, places, appId } = this.#options;
    if (places === undefined || (destination.format === "logplex" && !destination.compresses))
      return undefined;
    const waiting = new AbortController();
    this.#giveUp = (reason) => waiting.abort(reason);
    const giveUp = (ms: number) => this.giveUp(ms);
    return places.take(appId, lengthOf(parcel.slices.map(({ bytes }) => bytes)), giveUp, waiting.signal);
  }

  // The body, or why it is too long.
  #bodyOf(parcel: Parcel, place: BodyPlace | undefined): Made | Promise<Made> {
    const written = this.#write(parcel);
    return written instanceof Promise
      ? written.then((body) => this.#madeOf(body, parcel, place))
      : this.#madeOf(written, parcel, place);
  }

  #madeOf(written: Written, parcel: Parcel, place: BodyPlace | undefined): Made | Promise<Made> {
    const { destination } = this.#options;
    const pieces = piecesOf(written);
    const excess = excessOf(parcel, lengthOf(pieces), destination);
    if (excess !== undefined) return excess;
    if (!destination.compresses) return new Body(pieces, place);
    return compress(whole(pieces)).then((packed) => new Body([packed], place));
  }

  giveUp(ms: number): void {
    this.#giveUp(timedOut(this.#connection?.isUsable ? "room for all the lines" : "connection", ms));
  }

  async close(): Promise<void> {
    this.#watch(undefined);
    this.#giveUp(new Error("closed"));
    this.#connection?.close();
  }

  readonly #abort = (): void => this.#giveUp(this.#watched?.reason);

  #watch(signal: AbortSignal | undefined): void {
    if (signal === this.#watched) return;
    this.#watched?.removeEventListener("abort", this.#abort);
    this.#watched = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  #write({ slices }: Parcel): Written | Promise<Written> {
    const { drainToken, appId, clock } = this.#options;
    const context = { drainToken, appId, appName: this.#appName, nowMs: clock.nowMs() };
    return inFewTurns(this.#format.write(slices, context), appId);
  }

  async #open(): Promise<HttpConnection> {
    const { destination } = this.#options;
    const ending = new AbortController();
    this.#giveUp = (reason) => ending.abort(reason);
    this.#connection?.close();
    const options = { ...this.#options, ...this.#requests };
    this.#connection = await HttpConnection.open(destination, options, ending.signal);
    ending.signal.throwIfAborted();
    return this.#connection;
  }

  async #attempt(body: Body, parcel: Parcel): Promise<Answer> {
    const { destination, attemptMsMax, trace } = this.#options;
    const deadline = startDeadline(attemptMsMax, () => this.#giveUp(timedOut("answer", attemptMsMax)));
    try {
      trace?.begin(isIP(destination.host) === 0 ? "resolve" : "connect");
      const connection = this.#connection?.isUsable === true ? this.#connection : await this.#open();
      this.#giveUp = (reason) => connection.giveUp(reason);
      const answer = await this.#exchange(connection, body, parcel);
      trace?.begin("answer");
      trace?.note(`status ${answer.status}`);
      return await answerOf(answer);
    } finally {
      deadline.stop();
      this.#giveUp = () => {};
    }
  }

  // It is not async, as the arguments and variables of an async function live as long as it waits: the body has to go
  // before its answer comes.
  #exchange(connection: HttpConnection, body: Body, parcel: Parcel): Promise<RawAnswer> {
    const { clock, trace } = this.#options;
    const { pieces, bytes } = body;
    const onSent = () => {
      body.letGo();
      if (trace !== undefined) noteSent(trace, bytes);
    };
    const head = this.#heads.of(parcel, pieces, bytes, clock.nowMs());
    return connection.exchange({ head, body: pieces, bytes, onSent });
  }

  #verdictOn(answer: Answer, { count: lines }: Parcel): Verdict {
    const { destination, clock } = this.#options;
    const certificate = this.#connection?.certificate;
    const isTaken = answer.status >= 200 && answer.status < 300;
    const rejected = isTaken ? this.#format.rejected?.(answer) : undefined;
    if (isTaken && rejected === undefined && certificate === undefined) return delivered;
    const nowMs = clock.nowMs();
    const judging = { ...this.#options, secrets: this.#secrets, rejected, lines };
    const verdict = judge(answer, judging, nowMs);
    const ending = verdict.kind === "delivered" && expiring(certificate, destination, nowMs);
    return ending ? { ...verdict, expiring: ending } : verdict;
  }
}

const delivered: Verdict = { kind: "delivered" };

function noteSent(trace: Trace, bytes: number): void {
  trace.note(`${bytes} bytes`);
  trace.begin("answer");
}

// Does not send a receiver what it would refuse according to its documentation.
function excessOf({ count }: Parcel, bytes: number, destination: HttpDestination): string | undefined {
  const { linesMax = count, bodyBytesMax = bytes }: ParcelBounds = parcelBounds[destination.format];
  if (count <= linesMax && bytes <= bodyBytesMax) return undefined;
  const [takes, has] =
    count > linesMax ? [`${linesMax} lines`, count] : [`${bodyBytesMax} bytes`, `${bytes} bytes`];
  return `${nameOf(destination)} takes ${takes} in a request of format ${destination.format}, not ${has}: log shorter lines`;
}

const piecesOf = (body: Written): readonly Uint8Array[] => (body instanceof Uint8Array ? [body] : body);

function lengthOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}
