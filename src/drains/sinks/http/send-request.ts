/** Hands a request to its connection, with as few calls as its size allows. */
import type { Socket } from "node:net";
import type { Buffers } from "../buffers.ts";

/**
 * A request is joined into one piece where copying costs less than passing on several: if it is short, or its pieces
 * are.
 */
const shortBytesMax = 64 * 1024;
const shortPieceBytes = 8 * 1024;
const togetherBytesMax = 1024 * 1024;

export type HttpRequest = {
  readonly head: string;
  readonly body: readonly Uint8Array[];
  /** The size of the body. */
  readonly bytes: number;
  /** Called when the connection has taken all of it. */
  readonly onSent: () => void;
};

export function sendRequest(socket: Socket, buffers: Buffers, request: HttpRequest): void {
  const { head, body, bytes, onSent } = request;
  const areShort = bytes <= shortBytesMax || bytes < shortPieceBytes * body.length;
  if (areShort && head.length + bytes <= togetherBytesMax) {
    sendTogether(socket, buffers, request);
    return;
  }
  socket.cork();
  socket.write(head, "latin1");
  for (const piece of body.slice(0, -1)) socket.write(piece);
  socket.write(body.at(-1)!, (failure) => {
    if (failure == null) onSent();
  });
  socket.uncork();
}

function sendTogether(socket: Socket, buffers: Buffers, { head, body, bytes, onSent }: HttpRequest): void {
  const together = buffers.take(head.length + bytes).subarray(0, head.length + bytes);
  let at = together.write(head, 0, "latin1");
  for (const piece of body) {
    together.set(piece, at);
    at += piece.length;
  }
  socket.write(together, (failure) => {
    if (failure != null) return; // the system may still read it
    buffers.give(together);
    onSent();
  });
}
