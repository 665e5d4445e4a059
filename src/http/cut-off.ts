/** Ends connections whose client sends too many requests, a body in too many pieces, or stops in the middle of one. */
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { bodyTooFine, tooManyPipelined } from "../errors/http.ts";
import { httpDroppedConnections } from "../metrics.ts";
import { pieceBytesMin } from "./bounded-request.ts";
import type { Connection } from "./connection.ts";
import { closeWith, rawAnswer } from "./raw-answer.ts";

/** For a client to read why its body is not taken. */
const fineLingerMs = 100;

/** The socket is not read any more: what lies in it would all be parsed. */
export function cutFine(connection: Connection | undefined, socket: Socket): void {
  if (connection === undefined) return; // it was refused before
  connection.isRefused = true;
  connection.waiting.length = 0;
  socket.pause();
  if (connection.current?.headersSent !== true) socket.write(rawAnswer(bodyTooFine(pieceBytesMin)));
  setTimeout(() => socket.destroy(), fineLingerMs);
}

/** While nothing was begun the refusal is the answer to the first request; else there is no place for one. */
export function refusePipelined(connection: Connection, socket: Socket, requestsMax: number): void {
  httpDroppedConnections.inc({ reason: "pipelined" });
  connection.isRefused = true;
  connection.waiting.length = 0;
  if (connection.current !== undefined) socket.destroy();
  else closeWith(socket, tooManyPipelined(requestsMax));
}

/** A body without its end, or in chunks that are none: told as Node tells of one that its parser reads. */
export function tellMalformed(socket: Socket & { readonly server?: EventEmitter }): void {
  const error = Object.assign(new Error("a body that is none"), { code: "HPE_INVALID_BODY" });
  socket.server?.emit("clientError", error, socket);
}
