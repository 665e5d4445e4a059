/**
 * One HTTP connection, whose requests are handled one after the other. HTTP answers in order anyway. This way a
 * client that does not read its first answer never has a second one made: it costs us one answer and a few requests.
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
  /** Requests that are waiting for those before them. */
  readonly waiting: Arrival[] = [];
  /** A `ConnectionReads`; undefined where Node's parser reads the socket itself. */
  reads: { goOn(): void } | undefined;
  /** The answer to the current request. */
  current: ServerResponse | undefined;
  /** The turn of the event loop in which its last request was begun. */
  turn = -1;
  /** True while what it brought is parsed because its turn has come; a request found in it may begin at once. */
  isInTurn = false;
  /** True when the first of `waiting` is scheduled to begin. */
  isScheduled = false;
  /** True when what it brings is not parsed because requests are waiting. */
  isPaused = false;
  /** True when it is being closed, so that none of its requests is begun any more. */
  isRefused = false;
  /** True while it carries a stream, which has bounds of its own. */
  isStream = false;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
  }

  /** True when it has no request. */
  get isIdle(): boolean {
    return this.current === undefined && this.waiting.length === 0;
  }

  /** The number of its requests without a complete answer. */
  get requests(): number {
    return this.waiting.length + (this.current === undefined ? 0 : 1);
  }

  /** True when everything has been written and the client does not read it. */
  get isUnread(): boolean {
    return this.current !== undefined && (this.current.writableEnded || this.current.writableLength > 0);
  }
}
