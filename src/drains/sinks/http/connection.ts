/** One connection to an HTTP receiver, for one request at a time. */
import type { Socket } from "node:net";
import type { HttpDestination } from "../../destination.ts";
import type { Buffers } from "../buffers.ts";
import type { Certificate } from "../certificate.ts";
import { type Opening, type OpenSocket, openSocket } from "../open-socket.ts";
import type { RawAnswer } from "./answer.ts";
import { AnswerReader, type Flaw, interimAnswersMax } from "./answer-reader.ts";
import { type HttpRequest, sendRequest } from "./send-request.ts";

/** How long to wait for the rest of an answer with a known status, unless an awaited body tells more. */
const restMsMax = 1_000;
/** A connection that the server will close within this time is not used any more. */
const keptMarginMs = 1_000;

/** A longer answer is not remembered to recognise the next one. */
const knownBytesMax = 1024;

export type Requests = {
  /** The memory that requests are written into. */
  readonly buffers: Buffers;
  /** True when the body of a 2xx matters. */
  readonly readsBodyOfSuccess: boolean;
};

type Waiting = {
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (failure: Error | undefined) => void;
};
/** An answer that arrived whole in one read and left the connection usable: the same bytes mean the same again. */
type Known = { readonly bytes: Buffer; readonly answer: RawAnswer; readonly keptMs: number | undefined };

/** The peer closed a kept connection while it was idle, which says nothing about the peer. */
export class StaleConnection extends Error {
  readonly code = "ECONNRESET";
}

export class HttpConnection {
  /** The peer's certificate, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  readonly #requests: Requests;
  /** Gets the answer to the request under way; undefined while there is none. */
  #waiting: Waiting | undefined;
  /** Undefined until something arrives that is not an already known answer. */
  #reader: AnswerReader | undefined;
  #known: Known | undefined;
  /** The only read of the current answer so far, if it may be the whole answer. */
  #onlyRead: Buffer | undefined;
  /** Runs until the rest of an answer is no longer waited for. */
  #rest: NodeJS.Timeout | undefined;
  #isUsed = false;
  #isReused = false;
  #usableUntilMs = Number.POSITIVE_INFINITY;

  private constructor({ socket, certificate }: OpenSocket, requests: Requests) {
    this.#socket = socket;
    this.#requests = requests;
    this.certificate = certificate;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
    socket.on("error", (failure) => this.#settle(failure));
  }

  static async open(
    destination: HttpDestination,
    options: Opening & Requests,
    signal: AbortSignal,
  ): Promise<HttpConnection> {
    return new HttpConnection(await openSocket({ ...destination, verifies: true }, options, signal), options);
  }

  /** True when it can take another request. */
  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && performance.now() < this.#usableUntilMs;
  }

  /**
   * Sends a request. Resolves with the answer, whatever happens to the connection once the status is known; rejects
   * when there was no answer, and with the reason of `giveUp`.
   */
  exchange(request: HttpRequest): Promise<RawAnswer> {
    this.#isReused = this.#isUsed;
    this.#isUsed = true;
    this.#reader = undefined;
    this.#onlyRead = undefined;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      sendRequest(this.#socket, this.#requests.buffers, request);
    });
  }

  /** Ends the request under way. */
  giveUp(reason: Error): void {
    this.#settle(reason);
  }

  close(): void {
    this.#socket.destroy();
  }

  #settle(failure?: Error): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    const reader = this.#reader;
    this.#unboundRest();
    const isKept = failure === undefined && reader?.isReusable === true;
    if (!isKept) this.#socket.destroy();
    if (reader?.status === undefined) {
      waiting.reject(
        this.#isReused && !reader?.isBegun && isReset(failure) ? new StaleConnection() : failure,
      );
      return;
    }
    const { answer, keptMs } = reader;
    const bytes = this.#onlyRead;
    this.#onlyRead = undefined;
    const isShort = bytes !== undefined && bytes.length <= knownBytesMax;
    if (isShort && reader.isReusable) this.#known = { bytes: Buffer.from(bytes), answer, keptMs };
    if (isKept) this.#keep(keptMs, waiting, answer);
    else waiting.resolve(answer);
  }

  // The answer came before the request was read, so nobody reads the rest of it. But over TLS a write is reported as
  // done one turn after the system took it, and in a busy process the answer may already be there.
  #keep(keptMs: number | undefined, waiting: Waiting, answer: RawAnswer): void {
    const socket = this.#socket;
    if (keptMs !== undefined) this.#usableUntilMs = performance.now() + keptMs - keptMarginMs;
    if (socket.writableLength === 0) {
      waiting.resolve(answer);
      return;
    }
    setImmediate(() => {
      if (socket.writableLength > 0) socket.destroy();
      waiting.resolve(answer);
    });
  }

  #take(bytes: Buffer): void {
    if (this.#waiting === undefined) {
      this.#socket.destroy(); // nobody asked: it would be taken for the next answer
      return;
    }
    const known = this.#known;
    if (this.#reader === undefined && known !== undefined && bytes.equals(known.bytes)) {
      this.#takeKnown(known, this.#waiting);
      return;
    }
    this.#onlyRead = this.#reader === undefined ? bytes : undefined;
    this.#reader ??= new AnswerReader(this.#requests);
    const reader = this.#reader;
    reader.push(bytes);
    if (reader.flaw !== undefined) this.#settle(flawed(reader.flaw));
    else if (reader.isDone) this.#settle();
    else if (reader.owesBody) this.#unboundRest();
    else if (reader.status !== undefined) this.#rest ??= setTimeout(() => this.#settle(), restMsMax);
  }

  // Only the bound of the whole attempt remains.
  #unboundRest(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
  }

  // Most answers repeat the one before: those are neither parsed nor allocated again.
  #takeKnown({ answer, keptMs }: Known, waiting: Waiting): void {
    this.#waiting = undefined;
    this.#keep(keptMs, waiting, answer);
  }

  #ended(): void {
    this.#reader?.end();
    this.#settle(this.#reader?.status === undefined ? closed() : undefined);
    this.#socket.destroy();
  }
}

const isReset = (failure: Error | undefined): boolean =>
  ["ECONNRESET", "EPIPE"].includes((failure as NodeJS.ErrnoException | undefined)?.code ?? "");

const closed = (): Error => Object.assign(new Error("closed before an answer"), { code: "ECONNRESET" });

const flawed = (flaw: Flaw): Error =>
  flaw === "no HTTP"
    ? Object.assign(new Error("no HTTP"), { code: "NO_HTTP" })
    : Object.assign(new Error(`more than ${interimAnswersMax} interim answers`), { code: "NO_FINAL_ANSWER" });
