/**
 * Lets the requests of each connection through one at a time: the next one when the previous one is answered. All
 * together are begun and answered within 2 ms of a turn of the event loop, and the rest wait for the next turn. Clients
 * that were sent a lot wait longer.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hostMissing, unknownExpectation } from "../errors/http.ts";
import { orALittle, TurnLine } from "../turn-line.ts";
import { ownTurns } from "../turns.ts";
import { AnswerPace, type AnswerPaceLimits, answerBytesMin } from "./answer-pace.ts";
import { answersInTurns } from "./answers-in-turns.ts";
import type { BareRoutes } from "./bare-routes.ts";
import { boundedRequests } from "./bounded-request.ts";
import type { Arrival, Connection } from "./connection.ts";
import { ConnectionReads } from "./connection-reads.ts";
import type { Connections } from "./connections.ts";
import { cutTooFine, refusePipelined } from "./cut-off.ts";
import { ownBodyOf } from "./own-body.ts";
import { PacedLine } from "./paced-line.ts";
import { sendAnswer } from "./raw-answer.ts";
import type { ReadsParts } from "./reads-parts.ts";
import { RepeatedHeads } from "./repeated-heads.ts";
import { type AnswerParts, RepeatedAnswer, repeatedRequest } from "./repeated-request.ts";

export type RequestGateLimits = AnswerPaceLimits & {
  /** Requests of one connection, including the one that is being answered. */
  readonly requestsMax: number;
  /**
   * For a whole request. After an early refusal, the rest of a request is read and dropped for no longer than this.
   */
  readonly requestMsMax: number;
  /** Bytes of reads that wait for a turn, over all connections. */
  readonly waitingReadsBytesMax: number;
  /** After this time, a client that has closed its side gets no more answers. */
  readonly halfClosedMsMax: number;
  /** How long a connection may be idle. */
  readonly keepAliveMs: number;
};

/** A property of Node that its types lack. */
type HalfOpen = Server & { httpAllowHalfOpen: boolean };

export class RequestGate {
  readonly #connections: Connections;
  readonly #handle: RequestListener;
  readonly #requestsMax: number;
  readonly #halfClosedMsMax: number;
  /** Reads, requests and answers that wait for a later turn. The address goes first whose work has taken the least; `POST /logs` and answers of each are apart. */
  readonly #inLine: TurnLine;
  readonly #pace: AnswerPace;
  readonly #paced: PacedLine;
  /** Separate from the turns of walks, which would delay requests. */
  readonly #turns = ownTurns();
  readonly #reads: ReadsParts;
  /** Counts the turns of the event loop in which requests came. */
  #turn = 0;
  #isTurnOpen = false;

  /** `bare`: the routes whose requests bypass Node's parser, except for heads that it has not read before. */
  constructor(
    connections: Connections,
    handle: RequestListener,
    bare: Pick<BareRoutes, "find" | "date"> | undefined,
    limits: RequestGateLimits,
  ) {
    this.#connections = connections;
    this.#handle = handle;
    this.#requestsMax = limits.requestsMax;
    this.#halfClosedMsMax = limits.halfClosedMsMax;
    const line: AnswerParts["line"] = (...given) => this.#send(...given);
    this.#inLine = new TurnLine({ isOver: orALittle(this.#turns), run: (work) => work() });
    this.#reads = {
      turns: this.#turns,
      line: this.#inLine, // with two lines, one would be served only after everything in the other
      isOwn: (request) => bare?.find(request) !== undefined,
      heads: new RepeatedHeads(),
      repeat: (head, body, socket) => {
        const request = repeatedRequest(head, body, socket);
        const { date } = bare!; // only its requests are own ones
        const answer = new RepeatedAnswer(request, { line, date, keepAliveMs: limits.keepAliveMs });
        this.#arrive({ request, response: answer as unknown as ServerResponse, expects: "nothing" });
        return answer;
      },
      requestsMax: limits.requestsMax,
      dropMsMax: limits.requestMsMax,
      waitingBytes: 0,
      waitingBytesMax: limits.waitingReadsBytesMax,
    };
    this.#pace = new AnswerPace(limits, () => performance.now());
    this.#paced = new PacedLine(this.#pace);
  }

  /** For the server option of that name. */
  readonly IncomingMessage: typeof IncomingMessage = boundedRequests(
    (socket) => {
      const connection = this.#connections.of(socket);
      return connection === undefined || connection.requests >= this.#requestsMax;
    },
    (socket) => cutTooFine(this.#connections.of(socket), socket),
  );

  /** For the server option of that name. */
  readonly ServerResponse: typeof ServerResponse = answersInTurns((...given) => this.#send(...given));

  /** Handles every request of `server`, which must not check the Host header itself. */
  attach(server: Server, { isTls }: { readonly isTls: boolean }): void {
    server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => {
      this.#turns.shorten();
      const connection = this.#connections.of(socket);
      if (connection === undefined) return;
      connection.reads = ConnectionReads.of(socket, connection, this.#reads);
      if (!isTls) socket.once("end", () => halfClosed(connection, socket, this.#halfClosedMsMax));
    });
    (server as HalfOpen).httpAllowHalfOpen = !isTls; // TLS closes both sides together
    const on = (event: string, expects: Arrival["expects"]) =>
      server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#arrive({ request, response, expects }),
      );
    on("request", "nothing");
    on("checkContinue", "continue");
    on("checkExpectation", "unknown");
    server.on("upgrade", (_request: IncomingMessage, socket: Socket) => this.#refuse(socket));
  }

  #arrive(arrival: Arrival): void {
    const { socket } = arrival.request;
    const connection = this.#connections.of(socket);
    if (connection === undefined) return; // it was refused, and is being closed
    connection.waiting.push(arrival);
    if (connection.requests === 1) this.#connections.moved(connection);
    else {
      if (connection.reads === undefined) socket.pause(); // what was not read yet has to wait
      connection.isPaused = true;
    }
    if (connection.current === undefined && !connection.isScheduled) this.#schedule(connection);
  }

  // One request of a connection is begun in each turn of the event loop, so that a client that pipelines waits for
  // all others between two answers. The first is begun only when the whole read is parsed: if that has too many
  // requests, none is begun.
  #schedule(connection: Connection): void {
    connection.isScheduled = true;
    if (connection.turn === this.#turnNow()) this.#lineUp(connection);
    else
      process.nextTick(() =>
        this.#mayBegin(connection) ? this.#next(connection) : this.#lineUp(connection),
      );
  }

  #mayBegin(connection: Connection): boolean {
    return connection.isInTurn || !this.#turns.isOver;
  }

  // Waits for a later turn. All requests together have 2 ms of each turn, however many connections they come on.
  #lineUp(connection: Connection): void {
    const { address, waiting } = connection;
    this.#inLine.add(isIngest(waiting[0]) ? `${address} ingest` : address, () => this.#next(connection));
  }

  #turnNow(): number {
    if (!this.#isTurnOpen) {
      this.#isTurnOpen = true;
      setImmediate(() => {
        this.#isTurnOpen = false;
        this.#turn++;
      });
    }
    return this.#turn;
  }

  #next(connection: Connection): void {
    const isPaced = !isIngest(connection.waiting[0]); // its answers are too short to count
    if (isPaced && this.#pace.waitMs(connection.address) > 0) {
      this.#paced.add(connection.address, () => this.#lineUp(connection));
      return;
    }
    connection.isScheduled = false;
    const arrival = connection.isRefused ? undefined : connection.waiting.shift();
    if (arrival === undefined || arrival.request.socket.destroyed) return;
    const { request, response, expects } = arrival;
    connection.current = response;
    if (connection.reads !== undefined && connection.waiting.length === 0) this.#readOn(connection);
    connection.turn = this.#turnNow();
    response.once("close", () => this.#done(connection, request));
    if (request.httpVersion === "1.1" && request.headers.host === undefined) {
      sendAnswer(response, hostMissing());
    } else if (expects === "unknown") {
      sendAnswer(response, unknownExpectation());
    } else {
      if (expects === "continue") response.writeContinue();
      this.#handle(request, response as Parameters<RequestListener>[1]);
    }
  }

  // Counted when it is made, sent when its turn comes.
  #send(response: ServerResponse, bytes: number, send: () => void): void {
    if (response.destroyed) return;
    const isLong = bytes > answerBytesMin;
    if (!isLong && !this.#turns.isOver) {
      send();
      return;
    }
    const address = this.#connections.addressOf(response.req.socket);
    if (isLong && this.#pace.waitMs(address) > 0) {
      this.#paced.add(address, () => this.#send(response, bytes, send));
      return;
    }
    this.#pace.sent(address, bytes);
    if (this.#turns.isOver) this.#inLine.add(`${address} answers`, () => !response.destroyed && send());
    else send();
  }

  #done(connection: Connection, request: IncomingMessage): void {
    connection.current = undefined;
    ownBodyOf(request)?.drop(); // nobody needs the rest of it
    if (connection.isStream) this.#connections.streamEnded(connection);
    else this.#connections.moved(connection);
    if (connection.waiting.length === 0) {
      if (connection.isPaused && connection.reads === undefined) request.socket.resume();
      this.#readOn(connection);
      return;
    }
    this.#schedule(connection);
  }

  #readOn(connection: Connection): void {
    connection.isPaused = false;
    connection.reads?.goOn();
  }

  #refuse(socket: Socket): void {
    const connection = this.#connections.of(socket);
    if (connection !== undefined) refusePipelined(connection, socket, this.#requestsMax);
    else socket.resume(); // it was refused before, and is being closed
  }
}

/**
 * The client has closed its side. Its requests are still answered, and Node closes the connection after the last
 * answer. Streams and long waits end, since they are only for clients that stay.
 */
function halfClosed(connection: Connection, socket: Socket, msMax: number): void {
  if (connection.isStream) socket.end();
  else {
    const end = setTimeout(() => socket.end(), msMax).unref();
    socket.once("close", () => clearTimeout(end));
  }
}

const isIngest = (arrival: Arrival | undefined): boolean =>
  arrival?.request.url?.startsWith("/logs") === true;
