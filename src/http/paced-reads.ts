/**
 * Reads of a connection, handed to Node's parser request by request. Node parses all that one read holds, which may be
 * thousands of small requests, and hands on every one. Here the bytes behind a request stay as they are until it is answered,
 * and the socket is not read meanwhile: a client that pipelines without end costs one read.
 *
 * Node's own listener for `data` is taken off the socket and called with parts of each read instead.
 */
import assert from "node:assert";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

const headEnd = Buffer.from("\r\n\r\n");
/** The rest of a read is parsed at one go when it is no longer than this: too little for many requests. */
const remainderBytes = 512;
const unknown = Number.POSITIVE_INFINITY;

/** Says how far the parser is with a connection. */
export type Progress = {
  /** The request that was begun last. */
  readonly latest: IncomingMessage | undefined;
  /** All requests that were begun are whole, and one of them is not answered. */
  readonly isBusy: boolean;
};

/** The reads of one connection. */
export class PacedReads {
  readonly #socket: Socket;
  readonly #progress: Progress;
  readonly #parse: (bytes: Buffer) => void;
  #held: Buffer | undefined;
  /** Bytes left of the body that is being read; `unknown` where that is not known before its end. */
  #bodyBytesLeft = 0;

  /** Takes the reads of a socket over that an HTTP server was just given. */
  constructor(socket: Socket, progress: Progress) {
    const [parse, ...others] = socket.listeners("data");
    assert(parse !== undefined && others.length === 0, "Node's HTTP server does not listen as it used to");
    socket.removeListener("data", parse as () => void);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#socket = socket;
    this.#progress = progress;
    this.#parse = parse.bind(socket) as (bytes: Buffer) => void;
  }

  /** Bytes that were read and wait for an answer before them. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** Goes on behind an answer. */
  resume(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#take(held);
    if (this.#held === undefined) this.#socket.resume();
  }

  #take(bytes: Buffer): void {
    if (this.#held !== undefined) {
      this.#hold(Buffer.concat([this.#held, bytes]));
      return;
    }
    for (let at = 0; at < bytes.length && this.#socket.writable; ) {
      if (this.#progress.isBusy) {
        this.#hold(bytes.subarray(at));
        return;
      }
      at = this.#parsePart(bytes, at);
    }
  }

  #hold(bytes: Buffer): void {
    this.#held = bytes;
    this.#socket.pause();
  }

  // A head, a body whose length is known, or a stretch that holds few requests; returns its end.
  #parsePart(bytes: Buffer, at: number): number {
    const bodyLeft = this.#bodyBytesLeft;
    const isBody = bodyLeft > 0 && bodyLeft !== unknown;
    const found = isBody ? -1 : bytes.indexOf(headEnd, at + (bodyLeft === 0 ? 0 : remainderBytes));
    const headAt = found === -1 ? bytes.length : found + headEnd.length;
    const stretchEnd = bytes.length - headAt <= remainderBytes ? bytes.length : headAt;
    const end = isBody ? Math.min(at + bodyLeft, bytes.length) : stretchEnd;
    this.#parse(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    const { latest } = this.#progress;
    if (latest === undefined || latest.complete) this.#bodyBytesLeft = 0;
    else if (isBody) this.#bodyBytesLeft -= end - at;
    else this.#bodyBytesLeft = bodyLeft === 0 && end === headAt ? lengthOf(latest) : unknown;
    return end;
  }
}

const lengthOf = ({ headers }: IncomingMessage): number => Number(headers["content-length"] ?? unknown);
