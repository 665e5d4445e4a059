/**
 * Hands the requests of each connection on one at a time: the next one when the one before it is answered. Together they
 * begin within 5 ms of a turn of the event loop; the rest of them waits for the next one.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { hostMissing, unknownExpectation } from "../errors/http.ts";
import { Turns } from "../turns.ts";
import type { Arrival, Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { FairLine } from "./fair-line.ts";
import { sendAnswer } from "./raw-answer.ts";

export class RequestGate {
  readonly #connections: Connections;
  readonly #handle: RequestListener;
  /** Connections with a request that waits for a later turn; addresses are served in turn. */
  readonly #inLine = new FairLine<Connection>();
  /** Apart from those of walks, which would keep requests waiting. */
  readonly #turns = new Turns({ nowMs: () => performance.now(), defer: setImmediate });

  constructor(connections: Connections, handle: RequestListener) {
    this.#connections = connections;
    this.#handle = handle;
  }

  /** Takes every request of `server`, which must not look for the Host header itself. */
  attach(server: Server): void {
    const on = (event: string, expects: Arrival["expects"]) =>
      server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#arrive({ request, response, expects }),
      );
    on("request", "nothing");
    on("checkContinue", "continue");
    on("checkExpectation", "unknown");
  }

  #arrive(arrival: Arrival): void {
    const connection = this.#connections.of(arrival.request.socket);
    if (connection === undefined) return; // it was refused, and is being closed
    connection.latest = arrival.request;
    connection.waiting.push(arrival);
    if (connection.current !== undefined || connection.waiting.length > 1) return; // it waits for those before it
    if (this.#turns.isOver) this.#lineUp(connection);
    else this.#next(connection);
  }

  #next(connection: Connection): void {
    const arrival = connection.waiting.shift();
    if (arrival === undefined || arrival.request.socket.destroyed) return;
    const { request, response, expects } = arrival;
    connection.current = response;
    connection.sinceMs = performance.now();
    response.once("close", () => this.#done(connection));
    if (request.httpVersion === "1.1" && request.headers.host === undefined) {
      sendAnswer(response, hostMissing());
    } else if (expects === "unknown") {
      sendAnswer(response, unknownExpectation());
    } else {
      if (expects === "continue") response.writeContinue();
      this.#handle(request, response as Parameters<RequestListener>[1]);
    }
  }

  #done(connection: Connection): void {
    connection.current = undefined;
    connection.sinceMs = performance.now();
    if (connection.isStream) this.#connections.streamEnded(connection);
    const { waiting, reads } = connection;
    if (waiting.length > 0 || (reads?.heldBytes ?? 0) > 0) this.#lineUp(connection);
  }

  // In a later turn of the event loop, so that who pipelines waits for all others between two answers. All requests
  // together have 5 ms of a turn, on however many connections they come.
  #lineUp(connection: Connection): void {
    this.#inLine.push(connection.address, connection);
    setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    if (this.#turns.isOver) {
      setImmediate(() => this.#goOn());
      return;
    }
    const connection = this.#inLine.shift();
    if (connection === undefined) return;
    if (connection.current === undefined) this.#next(connection);
    if (!connection.isBusy) connection.reads?.resume();
  }
}
