/**
 * One HTTP connection, whose requests are worked on one after the other. HTTP answers in order anyway, and a client
 * that does not read its first answer so gets no second one made: what it costs is one answer and a few requests.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A request that was read, and what its client expects before it sends the body. */
export type Arrival = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expects: "nothing" | "continue" | "unknown";
};

export class Connection {
  /** The socket that was accepted; under TLS, the one below the TLS socket. */
  readonly socket: Socket;
  /** The group of its address, for bounds: see `addressGroup`. */
  readonly address: string;
  /** Requests that wait for those before them. */
  readonly waiting: Arrival[] = [];
  /** How it is read: `ConnectionReads`; undefined where Node's parser does that by itself. */
  reads: { goOn(): void } | undefined;
  /** The answer to the request that is being worked on. */
  current: ServerResponse | undefined;
  /** The turn of the event loop in which a request of it was last begun. */
  turn = -1;
  /** The first of `waiting` is about to be begun. */
  isScheduled = false;
  /** It is not read while requests wait. */
  isPaused = false;
  /** It is being closed, and no request of it is begun any more. */
  isRefused = false;
  /** It carries a stream, which has bounds of its own. */
  isStream = false;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
  }

  /** No request of it is here. */
  get isResting(): boolean {
    return this.current === undefined && this.waiting.length === 0;
  }

  /** Requests that are here and not answered. */
  get requests(): number {
    return this.waiting.length + (this.current === undefined ? 0 : 1);
  }

  /** We have said what we had to say, and the client does not take it. */
  get isUnread(): boolean {
    return this.current !== undefined && (this.current.writableEnded || this.current.writableLength > 0);
  }
}
