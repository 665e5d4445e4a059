/**
 * Node's parser hands on every request that a read holds, which may be thousands, before it can be paused. It stops
 * where a request asks for another protocol: what is behind that is not HTTP. A request that comes when its connection
 * has as many as it may is taken for such a one, so that nothing behind it is parsed, and the server hears of it as
 * `upgrade`.
 */
import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** For the option `IncomingMessage` of a server; `isFull` tells whether a connection has as many requests as it may. */
export const boundedRequests = (isFull: (socket: Socket) => boolean): typeof IncomingMessage =>
  class extends IncomingMessage {
    readonly #isTooMuch: boolean;

    constructor(socket: Socket) {
      super(socket);
      this.#isTooMuch = isFull(socket);
    }

    /** The protocol that a client asks for is left out of account: no other is spoken here. */
    get upgrade(): boolean {
      return this.#isTooMuch || this.method === "CONNECT";
    }

    set upgrade(_asked: boolean) {}
  };
