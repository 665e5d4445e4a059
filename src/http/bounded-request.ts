/**
 * Node's parser passes on every request of a read, which may be thousands, before it can be paused. It stops at a
 * request for another protocol, since what follows that is not HTTP. So a request beyond the bound of its connection
 * is made to look like one: nothing after it is parsed, and the server receives it as `upgrade`.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { http } from "../node-http.ts";

/**
 * Each chunk of a body costs as much as some hundred bytes. A body may have a hundred small ones; after that they
 * must be larger.
 */
const smallPiecesMax = 100;
export const pieceBytesMin = 64;

/**
 * For the server option `IncomingMessage`. `isFull`: whether a connection has as many requests as it may. When a body
 * comes in too many pieces, the rest is dropped and `onTooFine` is called once.
 */
export const boundedRequests = (
  isFull: (socket: Socket) => boolean,
  onTooFine: (socket: Socket) => void,
): typeof IncomingMessage =>
  class extends http.IncomingMessage {
    readonly #isTooMuch: boolean;
    #pieces = 0;
    #bytes = 0;
    #isTooFine = false;

    constructor(socket: Socket) {
      super(socket);
      this.#isTooMuch = isFull(socket);
    }

    override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
      if (chunk === null) return super.push(chunk);
      this.#bytes += chunk.length;
      if (++this.#pieces <= smallPiecesMax + this.#bytes / pieceBytesMin) return super.push(chunk, encoding);
      if (!this.#isTooFine) {
        this.#isTooFine = true;
        onTooFine(this.socket);
      }
      return true;
    }

    /** Ignores the protocol that a client asks for, since only HTTP is spoken here. */
    get upgrade(): boolean {
      return this.#isTooMuch || this.method === "CONNECT";
    }

    set upgrade(_asked: boolean) {}
  };
