/**
 * Node's parser hands on every request that a read holds, which may be thousands, before it can be paused. It stops
 * where a request asks for another protocol: what is behind that is not HTTP. A request that comes when its connection
 * has as many as it may is taken for such a one, so that nothing behind it is parsed, and the server hears of it as
 * `upgrade`.
 */
import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** Each chunk of a body costs as much as some hundred bytes: a body may have a hundred small ones, then larger ones. */
const smallPiecesMax = 100;
export const pieceBytesMin = 64;

/**
 * For the option `IncomingMessage` of a server; `isFull` tells whether a connection has as many requests as it may. What
 * comes of a body in too many pieces is dropped, and `tooFine` is called once.
 */
export const boundedRequests = (
  isFull: (socket: Socket) => boolean,
  tooFine: (socket: Socket) => void,
): typeof IncomingMessage =>
  class extends IncomingMessage {
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
        tooFine(this.socket);
      }
      return true;
    }

    /** The protocol that a client asks for is left out of account: no other is spoken here. */
    get upgrade(): boolean {
      return this.#isTooMuch || this.method === "CONNECT";
    }

    set upgrade(_asked: boolean) {}
  };
