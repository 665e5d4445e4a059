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
import { RequestBytes } from "./request-bytes.ts";

/** Senders of lines take turns apart from other requests of their address. */
const ingestBegin = Buffer.from("POST /logs");

/** All connections are read into this, one after the other. */
const shared = Buffer.allocUnsafeSlow(readBytesMax);
const firstShared = shared.subarray(0, firstReadBytesMax);
const nothing = Buffer.alloc(0);

export class ConnectionReads {
  readonly #socket: Socket & Parsing;
  readonly #connection: Connection;
  readonly #parts: ReadsParts;
  readonly #bytes: RequestBytes;
  /** Bytes that were read and not handled yet, in memory of their own. */
  #waiting: Buffer = nothing;
  #isInLine = false; // waiting for a turn
  #isHolding = false; // the socket is not being read
  #dropping: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, connection: Connection, parts: ReadsParts) {
    this.#socket = socket as Socket & Parsing;
    this.#connection = connection;
    this.#parts = parts;
    this.#bytes = new RequestBytes({
      parse: (piece) => socket.emit("data", piece), // to the HTTP server's own listener
      isOwn: parts.isOwn,
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
      next: () => (this.#waiting.length === 0 && this.#bytes.body?.spare) || shared,
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

  /** Continues if nothing prevents it. `isInTurn`: called because its turn has come. */
  goOn(isInTurn = false): void {
    if (!this.#isHolding || this.#socket.destroyed || this.#mustHold) return;
    this.#isHolding = false;
    const waiting = this.#waiting;
    this.#waiting = nothing;
    this.#parts.waitingBytes -= waiting.length;
    const handle = this.#work(waiting, isInTurn) ? this.#socket._handle : undefined;
    if (handle == null) return;
    handle.reading = true;
    handle.readStart();
  }

  // Requests without an answer hold up what follows them, but not the end of the connection.
  get #mustHold(): boolean {
    const isPaused = this.#waiting.length > 0 && this.#connection.isPaused;
    const isUnread = this.#socket._paused === true;
    return this.#isInLine || isPaused || isUnread || this.#bytes.body?.isWaiting === true;
  }

  // Called by Node with the bytes that were read. Returns false to stop reading for now.
  #take(bytes: number, memory: Buffer): boolean {
    if (memory.buffer !== shared.buffer) {
      this.#bytes.filled(bytes);
      return !this.#isHolding && this.#work(nothing);
    }
    const read = shared.subarray(0, bytes);
    if (!this.#isHolding) return this.#work(read);
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
    if (hasMore && !this.#isInLine && !this.#isOver && this.#parts.turns.isOver) {
      this.#lineUp(bytes.subarray(at));
    }
    if (at < bytes.length) this.#wait(bytes.subarray(at));
    this.#isHolding = this.#mustHold;
    return !this.#isHolding;
  }

  // All requests of a read are looked at together, so that none of them is begun if they are too many.
  #mustWait(bytes: Buffer, at: number, isInTurn: boolean): boolean {
    if (this.#socket._paused === true) return true;
    if (at > 0)
      return this.#bytes.isInChunks && this.#connection.requests < 2 && this.#isTurnOver(bytes.length);
    return this.#connection.isPaused || (!isInTurn && this.#isTurnOver(bytes.length));
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
    const { address } = this.#connection;
    const isIngest =
      this.#bytes.body !== undefined || bytes.subarray(0, ingestBegin.length).equals(ingestBegin);
    const group = isIngest ? `${address} ingest` : address;
    const go = () => {
      this.#isInLine = false;
      this.goOn(true);
    };
    this.#isInLine = true;
    this.#parts.line.add(group, go);
  }

  #wait(bytes: Buffer): void {
    this.#parts.waitingBytes += bytes.length - this.#waiting.length;
    this.#waiting = bytes.buffer === shared.buffer ? copied(bytes) : bytes;
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

  #ended(): void {
    const { body } = this.#bytes;
    if (body !== undefined && !body.isDropped) reportMalformed(this.#socket);
  }

  #close(): void {
    this.#parts.waitingBytes -= this.#waiting.length;
    this.#waiting = nothing;
    this.#dropped();
    this.#bytes.close();
  }
}

/** In memory that is not zeroed first, since zeroing takes as long as ten copies. */
function copied(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  return copy;
}
