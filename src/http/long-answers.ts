/**
 * Makes long answers take turns before they are sent. The system accepts megabytes of each at once, whether or not
 * its client reads, and an answer that many wait for is ready for all of them in one turn of the event loop.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { answerBytesMin } from "./answer-pace.ts";

/**
 * For the server option `ServerResponse`. `line` calls `send` when the answer may be sent, or never if it was
 * destroyed.
 */
export const pacedResponses = (
  line: (response: ServerResponse<IncomingMessage>, bytes: number, send: () => void) => void,
): typeof ServerResponse =>
  class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    override end(...given: unknown[]): this {
      const [chunk] = given;
      const bytes = typeof chunk === "string" || chunk instanceof Uint8Array ? chunk.length : 0;
      if (bytes <= answerBytesMin) return super.end(...(given as []));
      line(this, bytes, () => super.end(...(given as [])));
      return this;
    }
  };
