/** One connection to an HTTP receiver, for one request at a time. */
import type { Socket } from "node:net";
import type { HttpDestination } from "../../destination.ts";
import type { Certificate } from "../certificate.ts";
import { type Opening, type OpenSocket, openSocket } from "../open-socket.ts";
import type { RawAnswer } from "./answer.ts";
import { AnswerReader, type Flaw, interimAnswersMax } from "./answer-reader.ts";

/** For the rest of an answer whose status is known. */
const restMsMax = 1_000;
/** A connection that the server ends about now is not used any more. */
const keptMarginMs = 1_000;

export type Exchange = {
  /** The request: its head, and its body. */
  readonly pieces: readonly Uint8Array[];
  /** True when the body of a 2xx says something. */
  readonly readsBodyOfSuccess: boolean;
  /** All of the request was handed to the connection. */
  readonly onSent?: () => void;
};

/** A kept connection was closed by the peer while it was idle: that says nothing of the peer. */
export class StaleConnection extends Error {
  readonly code = "ECONNRESET";
}

export class HttpConnection {
  /** The peer's, over TLS. */
  readonly certificate: Certificate | undefined;
  readonly #socket: Socket;
  /** Undefined while nothing is under way. */
  #reader: AnswerReader | undefined;
  #settle: (failure?: Error) => void = () => {};
  /** Until the rest of an answer is not waited for any more. */
  #rest: NodeJS.Timeout | undefined;
  #isUsed = false;
  #usableUntilMs = Number.POSITIVE_INFINITY;

  private constructor({ socket, certificate }: OpenSocket) {
    this.#socket = socket;
    this.certificate = certificate;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
    socket.on("error", (failure) => this.#settle(failure));
  }

  static async open(
    destination: HttpDestination,
    options: Opening,
    signal: AbortSignal,
  ): Promise<HttpConnection> {
    return new HttpConnection(await openSocket({ ...destination, verifies: true }, options, signal));
  }

  /** Another request may go over it. */
  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && performance.now() < this.#usableUntilMs;
  }

  /**
   * Resolves with the answer, whatever became of the connection once its status was known; rejects when there was
   * none, and with the reason of `signal`.
   */
  exchange({ pieces, readsBodyOfSuccess, onSent }: Exchange, signal: AbortSignal): Promise<RawAnswer> {
    const reader = new AnswerReader({ readsBodyOfSuccess });
    const socket = this.#socket;
    const isReused = this.#isUsed;
    this.#isUsed = true;
    this.#reader = reader;
    return new Promise((resolve, reject) => {
      const abort = () => this.#settle(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#settle = (failure) => {
        this.#settle = () => {};
        this.#reader = undefined;
        signal.removeEventListener("abort", abort);
        clearTimeout(this.#rest);
        this.#rest = undefined;
        // An answer before the request was read: what is left of that has no reader.
        if (failure !== undefined || !reader.isReusable || socket.writableLength > 0) socket.destroy();
        else if (reader.keptMs !== undefined)
          this.#usableUntilMs = performance.now() + reader.keptMs - keptMarginMs;
        if (reader.status !== undefined) resolve(reader.answer);
        else reject(isReused && !reader.isBegun && isReset(failure) ? new StaleConnection() : failure);
      };
      if (signal.aborted) return abort();
      socket.cork();
      for (const piece of pieces.slice(0, -1)) socket.write(piece);
      socket.write(pieces.at(-1)!, (failure) => failure == null && onSent?.());
      socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const reader = this.#reader;
    if (reader === undefined) {
      this.#socket.destroy(); // nobody asked: it would be taken for the next answer
      return;
    }
    reader.push(bytes);
    if (reader.flaw !== undefined) this.#settle(flawed(reader.flaw));
    else if (reader.isDone) this.#settle();
    else if (reader.status !== undefined) this.#rest ??= setTimeout(() => this.#settle(), restMsMax);
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
