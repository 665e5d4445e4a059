/**
 * Directs the bytes of a connection: heads, and the bodies of most routes, to Node's parser in pieces; the bodies of
 * some routes into memory of their own.
 */
import type { IncomingMessage } from "node:http";
import { Chunks } from "./chunks.ts";
import { HeadEnd } from "./head-end.ts";
import { OwnBody, setOwnBody } from "./own-body.ts";
import type { FoundHead, RepeatedHeads } from "./repeated-heads.ts";

/**
 * The most that the parser gets at a time where that may be many chunks, or a head without end. Also the first piece
 * of a chunked body.
 */
const pieceBytesMax = 4 * 1024;
const firstPieceBytes = 1024;
/** Tells Node's parser that what follows the head does not belong to this request. */
const skipBody = 1;
/** An empty line as a number. */
const emptyLine = 0x0d0a0d0a;

export type RequestBytesParts = {
  readonly parse: (piece: Buffer) => void;
  /** True when the request's route reads its body itself: see `OwnBody`. */
  readonly isOwn: (request: Pick<IncomingMessage, "method" | "url">) => boolean;
  /** Heads that need not be parsed again. */
  readonly heads: RepeatedHeads;
  /** Begins the request of such a head in `bytes`; returns false, and does nothing, if only the parser may begin one now. */
  readonly repeat: (head: FoundHead, body: OwnBody, bytes: Buffer) => boolean;
  /** Called when the current body gets a reader or is dropped, when it is complete, and when it is malformed. */
  readonly moved: (body: OwnBody) => void;
  readonly ended: () => void;
  readonly malformed: () => void;
};

export class RequestBytes {
  readonly #parts: RequestBytesParts;
  readonly #head = new HeadEnd();
  /** True when the piece that is being parsed ends with the head of a request. */
  #isWholeHead = false;
  /** True when the parser has read a part of a head. */
  #isInHead = false;
  /** True behind a body that bypassed the parser: it has read nothing of the next request. */
  #isBetween = false;
  /** The request that the parser has just begun, if its body bypasses it and is not in chunks. */
  #begun: IncomingMessage | undefined;
  #body: OwnBody | undefined;
  /** The request whose body goes to the parser, and the bytes that are missing; NaN for chunks. */
  #parsed: IncomingMessage | undefined;
  #parsedBytes = 0;
  #pieceBytes = firstPieceBytes;

  constructor(parts: RequestBytesParts) {
    this.#parts = parts;
  }

  /** The body that bypasses the parser, until it is complete. */
  get body(): OwnBody | undefined {
    return this.#body;
  }

  /** True in the middle of a body, whoever reads it. */
  get isInBody(): boolean {
    return this.#body !== undefined || this.#parsed !== undefined;
  }

  get isInChunks(): boolean {
    return this.#parsed !== undefined && Number.isNaN(this.#parsedBytes);
  }

  /** Takes some bytes from `at` on; returns the place after them. */
  take(bytes: Buffer, at: number): number {
    if (this.#body !== undefined) {
      const end = this.#body.add(bytes, at);
      this.#lookAtBody();
      return end;
    }
    if (this.#parsed !== undefined) return this.#parseBody(this.#parsed, bytes, at);
    return (this.#isBetween ? this.#repeat(bytes, at) : undefined) ?? this.#parseHead(bytes, at);
  }

  /** Counts bytes that were read into the memory of the body's reader. */
  filled(bytes: number): void {
    this.#body?.filled(bytes);
    this.#lookAtBody();
  }

  /**
   * Called when the parser begins a request; `special` is Node's own value. Returns the value that tells the parser
   * how to treat its body.
   */
  begun(request: IncomingMessage, special: number): number {
    if (special !== 0) return special;
    const { headers } = request;
    const length = Number(headers["content-length"] ?? 0);
    const coding = headers["transfer-encoding"];
    const isOwn = this.#isWholeHead && this.#parts.isOwn(request);
    this.#parsed = undefined;
    if (isOwn && (coding === undefined ? length > 0 : coding.toLowerCase() === "chunked")) {
      const body = this.#ownBody(coding === undefined ? length : new Chunks());
      setOwnBody(request, body);
      this.#body = body;
      if (coding === undefined) this.#begun = request;
      return skipBody;
    }
    if (coding !== undefined || !this.#isWholeHead) {
      this.#parsed = request;
      this.#parsedBytes = Number.NaN;
      this.#pieceBytes = firstPieceBytes;
    } else if (length > 0) {
      this.#parsed = request;
      this.#parsedBytes = length;
    }
    return 0;
  }

  /** Call when no more bytes will come. */
  close(): void {
    const body = this.#body;
    this.#body = undefined;
    body?.broke();
  }

  #ownBody(length: number | Chunks): OwnBody {
    const body = new OwnBody(length);
    body.onMoved = () => this.#parts.moved(body);
    return body;
  }

  // The place after a head like one of before; undefined if the parser has to read what begins here.
  #repeat(bytes: Buffer, at: number): number | undefined {
    const { heads, isOwn, repeat } = this.#parts;
    const head = heads.find(bytes, at);
    if (head === undefined || !isOwn(head)) return undefined;
    const body = this.#ownBody(head.bodyBytes);
    if (!repeat(head, body, bytes)) return undefined;
    this.#body = body;
    return head.end;
  }

  #parseHead(bytes: Buffer, at: number): number {
    const piece = bytes.subarray(at, at + pieceBytesMax);
    const found = this.#head.find(piece, 0);
    const isFromBegin = !this.#isInHead;
    this.#isWholeHead = found !== -1;
    this.#isInHead = found === -1;
    this.#isBetween = false;
    this.#parts.parse(this.#isWholeHead ? piece.subarray(0, found) : piece);
    this.#isWholeHead = false;
    if (this.#begun !== undefined && isFromBegin)
      this.#parts.heads.learn(piece.subarray(0, found), this.#begun);
    this.#begun = undefined;
    return at + (found === -1 ? piece.length : found);
  }

  #parseBody(request: IncomingMessage, bytes: Buffer, at: number): number {
    const isInChunks = this.isInChunks;
    const piece = bytes.subarray(at, at + (isInChunks ? this.#pieceBytes : this.#parsedBytes));
    this.#pieceBytes = Math.min(2 * this.#pieceBytes, pieceBytesMax);
    this.#parts.parse(piece);
    if (this.#parsed === request) {
      if (!isInChunks) this.#parsedBytes -= piece.length;
      const isOver = isInChunks ? endsInChunks(request, piece) : this.#parsedBytes === 0;
      if (isOver) this.#parsed = undefined;
    }
    return at + piece.length;
  }

  #lookAtBody(): void {
    if (this.#body?.isBad === true) this.#parts.malformed();
    if (this.#body?.missingBytes !== 0) return;
    this.#body = undefined;
    this.#isBetween = true;
    this.#parts.ended();
  }
}

// True when a chunked body ends with this piece. Nothing of another request is in it, or that request would have
// begun.
const endsInChunks = (request: IncomingMessage, piece: Buffer): boolean =>
  request.complete && piece.length >= 4 && piece.readUInt32BE(piece.length - 4) === emptyLine;
