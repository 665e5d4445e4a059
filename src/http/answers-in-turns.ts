/**
 * Makes answers take turns before they are sent. One commit of the log stores the lines of hundreds of requests, whose
 * answers are then all due in one turn of the event loop; and of long answers the system accepts megabytes at once,
 * whether or not their clients read.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { http } from "../node-http.ts";

/**
 * For the server option `ServerResponse`. `line` calls `send` when the answer, whose last part has so many bytes, may
 * be sent, or never if it was destroyed.
 */
export const answersInTurns = (
  line: (response: ServerResponse<IncomingMessage>, bytes: number, send: () => void) => void,
): typeof ServerResponse =>
  class<Request extends IncomingMessage = IncomingMessage> extends http.ServerResponse<Request> {
    override end(...given: unknown[]): this {
      const [chunk] = given;
      const bytes = typeof chunk === "string" || chunk instanceof Uint8Array ? chunk.length : 0;
      line(this, bytes, () => super.end(...(given as [])));
      return this;
    }
  };
