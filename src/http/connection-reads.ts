/**
 * Reads the connections of the HTTP server, and decides when Node's parser gets the bytes. On its own, the parser
 * takes a whole read of 64 KiB before anybody else gets a turn, even if that is ten thousand chunks or a thousand
 * requests, and it copies each read of a body into fresh memory. Here it gets pieces, within the 2 ms of a turn that
 * all connections share, and the bodies of some routes bypass it.
 */
import type { Socket } from "node:net";
import { firstReadBytesMax, readBy, readBytesMax } from "../sockets/socket-reads.ts";
import type { Connection } from "./connection.ts";
import { reportMalformed } from "./cut-off.ts";
import type { OwnBody } from "./own-body.ts";
import type { Parsing, ReadsParts } from "./reads-parts.ts";
import type { FoundHead } from "./repeated-heads.ts";
import type { RepeatedAnswer } from "./repeated-request.ts";
import { RequestBytes } from "./request-bytes.ts";

/** Senders of lines take turns apart from other requests of their address. */
const ingestBegin = Buffer.from("POST /logs");

/** All connections are read into this, one after the other. */
const shared = Buffer.allocUnsafeSlow(readBytesMax);
const firstShared = shared.subarray(0, firstReadBytesMax);
const nothing = Buffer.alloc(0);
const emptyLine = Buffer.from("\r\n\r\n");

export class ConnectionReads {
  readonly #socket: Socket & Parsing;
  readonly #connection: Connection;
  readonly #parts: ReadsParts;
  readonly #bytes: RequestBytes;
  /** Bytes that were read and not handled yet, in memory of their own. */
  #waiting: Buffer = nothing;
  #memoryBytes = 0; // of that memory; at most twice as many as wait
  #isInLine = false; // waiting for a turn
  #isHolding = false; // the socket is not being read
  #isAhead = false; // what waits is for requests before it; the socket is read, so that its end is noticed
  #isCounted = false; // what waits was found to be no more requests than may come in one read
  #dropping: NodeJS.Timeout | undefined;
  /** The answer to a request that the parser does not know of: it gets nothing before that is written. */
  #answer: RepeatedAnswer | undefined;

  private constructor(socket: Socket, connection: Connection, parts: ReadsParts) {
    this.#socket = socket as Socket & Parsing;
    this.#connection = connection;
    this.#parts = parts;
    this.#bytes = new RequestBytes({
      parse: (piece) => socket.emit("data", piece), // to the HTTP server's own listener
      isOwn: parts.isOwn,
      heads: parts.heads,
      repeat: (head, body, bytes) => this.#repeat(head, body, bytes),
      moved: (body) => this.#moved(body),
      ended: () => this.#dropped(),
      malformed: () => reportMalformed(socket),
    });
  }

  /**
   * Takes over reading a socket that the HTTP server has just been given. Returns undefined, and changes nothing, on
   * a Node where that is not possible.
   */
  static of(socket: Socket, connection: Connection, parts: ReadsParts): ConnectionReads | undefined {
    const reads = new ConnectionReads(socket, connection, parts);
    return reads.#begin() ? reads : undefined;
  }

  #begin(): boolean {
    const socket = this.#socket;
    const { parser, _handle: handle } = socket;
    if (parser == null || handle == null) return false;
    const letGo = () => {};
    // The parser reads the socket by itself until somebody else listens.
    socket.on("data", letGo).off("data", letGo);
    const isRead = readBy(socket, {
      memory: firstShared,
      next: () => this.#memory,
      take: (bytes, memory) => this.#take(bytes, memory),
    });
    if (!isRead) return false;
    const start = handle.readStart.bind(handle);
    handle.readStart = () => {
      if (!this.#isHolding) return start();
      handle.reading = false;
      setImmediate(() => this.goOn());
      return 0;
    };
    const incoming = parser.onIncoming;
    parser.onIncoming = (request, keepAlive) => this.#bytes.begun(request, incoming(request, keepAlive));
    socket.prependListener("end", () => this.#ended());
    socket.once("close", () => this.#close());
    return true;
  }

  // For the next read: what waits of a connection stays within one.
  get #memory(): Buffer {
    if (this.#isAhead) return shared.subarray(this.#waiting.length);
    return (this.#waiting.length === 0 && this.#bytes.body?.spare) || shared;
  }

  /** Continues if nothing prevents it. `isInTurn`: called because its turn has come. */
  goOn(isInTurn = false): void {
    if (!(this.#isHolding || this.#isAhead) || this.#socket.destroyed || this.#mustHold) return;
    this.#isHolding = false;
    const goesOn = this.#work(this.#noLongerWaiting(), isInTurn);
    const { _handle: handle } = this.#socket;
    if (handle == null) return;
    handle.reading = goesOn;
    if (goesOn) handle.readStart();
    else handle.readStop(); // an end of the connection that comes now is for later
  }

  #noLongerWaiting(): Buffer {
    const waiting = this.#waiting;
    this.#waiting = nothing;
    this.#parts.waitingBytes -= waiting.length;
    return waiting;
  }

  // Requests without an answer hold up what follows them, but not the end of the connection.
  get #mustHold(): boolean {
    const isPaused = this.#waiting.length > 0 && this.#connection.isPaused;
    const isUnread = this.#socket._paused === true;
    const isBehind = this.#waiting.length > 0 && this.#isAnswering;
    return this.#isInLine || isPaused || isUnread || isBehind || this.#bytes.body?.isWaiting === true;
  }

  // True between the whole request that the parser does not know of and its answer.
  get #isAnswering(): boolean {
    return this.#answer?.isDone === false && !this.#bytes.isInBody;
  }

  #repeat(head: FoundHead, body: OwnBody, bytes: Buffer): boolean {
    if (this.#connection.requests > 0 || this.#socket._httpMessage != null) return false;
    const next = head.end + head.bodyBytes;
    if (next < bytes.length && !this.#fits(bytes, next)) return false; // the parser's server refuses so many
    this.#answer = this.#parts.repeat(head, body, this.#socket);
    return true;
  }

  // Called by Node with the bytes that were read. Returns false to stop reading for now.
  #take(bytes: number, memory: Buffer): boolean {
    if (memory.buffer !== shared.buffer) {
      this.#bytes.filled(bytes);
      return !this.#isHolding && this.#work(nothing);
    }
    const read = memory.subarray(0, bytes);
    if (!this.#isHolding && !this.#isAhead) return this.#work(read);
    this.#isHolding = true;
    this.#isAhead = false;
    this.#wait(this.#waiting.length > 0 ? Buffer.concat([this.#waiting, read]) : read);
    return false;
  }

  // Handles what was read, as far as that is possible now. Returns false if the socket must not be read on for now.
  #work(bytes: Buffer, isInTurn = false): boolean {
    let at = 0;
    while (at < bytes.length && !this.#isOver && !this.#mustWait(bytes, at, isInTurn))
      at = this.#bytes.take(bytes, at);
    if (this.#isOver) at = bytes.length;
    const hasMore = at < bytes.length || this.#bytes.isInBody;
    const isCut = at > 0 && at < bytes.length && this.#connection.isPaused && this.#socket._paused !== true;
    this.#isAhead = isCut && this.#fits(bytes, at);
    this.#isCounted = at < bytes.length && (this.#isCounted || isCut);
    // The line goes on by a little when others have used up the turn: whose turn has come, and who has nothing to handle,
    // reads, or a body would stand still for as long as they continue.
    const mayRead = isInTurn && bytes.length === 0;
    if (hasMore && !mayRead && !this.#isInLine && !this.#isOver && !isCut && this.#parts.turns.isOver) {
      this.#lineUp(bytes.subarray(at));
    }
    if (at < bytes.length) this.#wait(bytes.subarray(at));
    this.#isHolding = !this.#isAhead && this.#mustHold;
    return !this.#isHolding;
  }

  #mustWait(bytes: Buffer, at: number, isInTurn: boolean): boolean {
    if (this.#socket._paused === true || this.#isAnswering) return true;
    if (at === 0) return this.#connection.isPaused || (!isInTurn && this.#isTurnOver(bytes.length));
    if (this.#connection.isPaused) return this.#isEnough(bytes, at);
    return this.#bytes.isInChunks && this.#connection.requests < 2 && this.#isTurnOver(bytes.length);
  }

  // Two requests of a read are parsed, and each other one when those before it were begun: a request is some kilobytes
  // of objects, and its head a hundred bytes. If there may be too many, all are parsed, and none of them is begun.
  #isEnough(bytes: Buffer, at: number): boolean {
    if (this.#bytes.isInBody) return false;
    if (this.#isCounted) return true;
    const { waitingBytes, waitingBytesMax } = this.#parts;
    return waitingBytes + bytes.length - at <= waitingBytesMax && this.#fits(bytes, at);
  }

  // True when the rest cannot be more requests than a connection may have: each head ends with an empty line.
  #fits(bytes: Buffer, at: number): boolean {
    let count = this.#connection.requests;
    for (let next = at; count <= this.#parts.requestsMax; count++) {
      const found = bytes.indexOf(emptyLine, next);
      if (found === -1) return true;
      next = found + emptyLine.length;
    }
    return false;
  }

  #isTurnOver(bytes: number): boolean {
    const { turns, waitingBytes, waitingBytesMax } = this.#parts;
    return turns.isOver && waitingBytes + bytes <= waitingBytesMax;
  }

  /** True when nothing that arrives will be handled any more. */
  get #isOver(): boolean {
    const { destroyed, writableEnded, parser } = this.#socket;
    return destroyed || writableEnded || parser == null || this.#connection.isRefused;
  }

  #lineUp(bytes: Buffer): void {
    const connection = this.#connection;
    const { address } = connection;
    const isIngest =
      this.#bytes.body !== undefined || bytes.subarray(0, ingestBegin.length).equals(ingestBegin);
    const group = isIngest ? `${address} ingest` : address;
    const go = () => {
      this.#isInLine = false;
      connection.isInTurn = true;
      this.goOn(true);
      process.nextTick(() => (connection.isInTurn = false)); // behind that of the request that was parsed
    };
    this.#isInLine = true;
    this.#parts.line.add(group, go);
  }

  #wait(bytes: Buffer): void {
    this.#parts.waitingBytes += bytes.length - this.#waiting.length;
    const isOwn = bytes.buffer !== shared.buffer && 2 * bytes.length >= this.#memoryBytes;
    this.#waiting = isOwn ? bytes : copied(bytes);
    this.#memoryBytes = isOwn ? Math.max(this.#memoryBytes, bytes.length) : bytes.length;
  }

  #moved(body: OwnBody): void {
    if (body === this.#bytes.body && body.isDropped && this.#dropping === undefined) {
      this.#dropping = setTimeout(() => this.#socket.destroy(), this.#parts.dropMsMax).unref();
    }
    this.goOn();
  }

  #dropped(): void {
    clearTimeout(this.#dropping);
    this.#dropping = undefined;
  }

  // Node closes the connection behind the last answer that it knows of.
  #ended(): void {
    // The requests that wait are answered behind it, by answers that Node knows.
    if (this.#waiting.length > 0) this.#answer?.letGo();
    const waiting = this.#noLongerWaiting();
    for (let at = 0; at < waiting.length && !this.#isOver; ) at = this.#bytes.take(waiting, at);
    const { body } = this.#bytes;
    if (body !== undefined && !body.isDropped) reportMalformed(this.#socket);
  }

  #close(): void {
    this.#noLongerWaiting();
    this.#dropped();
    this.#bytes.close();
    this.#answer?.broke();
  }
}

/** In memory that is not zeroed first, since zeroing takes as long as ten copies. */
function copied(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  return copy;
}
