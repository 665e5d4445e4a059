/** Ends connections whose client sends too many requests, a body in too many pieces, or only part of a body. */
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { bodyTooFine, tooManyPipelined } from "../errors/http.ts";
import { httpDroppedConnections } from "../metrics.ts";
import { pieceBytesMin } from "./bounded-request.ts";
import type { Connection } from "./connection.ts";
import { closeWith, rawAnswer } from "./raw-answer.ts";

/** The time that a client has to read why its body is refused. */
const tooFineLingerMs = 100;

/** Stops reading the socket, because everything that it has received would be parsed. */
export function cutTooFine(connection: Connection | undefined, socket: Socket): void {
  if (connection === undefined) return; // it was refused before
  connection.isRefused = true;
  connection.waiting.length = 0;
  socket.pause();
  if (connection.current?.headersSent !== true) socket.write(rawAnswer(bodyTooFine(pieceBytesMin)));
  setTimeout(() => socket.destroy(), tooFineLingerMs);
}

/** If no request was begun, the refusal is the answer to the first one; otherwise there is no place for an answer. */
export function refusePipelined(connection: Connection, socket: Socket, requestsMax: number): void {
  httpDroppedConnections.inc({ reason: "pipelined" });
  connection.isRefused = true;
  connection.waiting.length = 0;
  if (connection.current !== undefined) socket.destroy();
  else closeWith(socket, tooManyPipelined(requestsMax));
}

/** For a body that is cut off or badly chunked. Reported like an error of Node's parser. */
export function reportMalformed(socket: Socket & { readonly server?: EventEmitter }): void {
  const error = Object.assign(new Error("a body that is none"), { code: "HPE_INVALID_BODY" });
  socket.server?.emit("clientError", error, socket);
}
