/** Hands a request to its connection, with as few calls as its size allows. */
import type { Socket } from "node:net";
import type { Buffers } from "../buffers.ts";

/** A request is put together in one piece where copying costs less than handing over several: it is short, or they are. */
const shortBytesMax = 64 * 1024;
const shortPieceBytes = 8 * 1024;
const togetherBytesMax = 1024 * 1024;

/** `bytes`: those of the body. `onSent` is told when the connection has taken all of it. */
export function sendRequest(
  socket: Socket,
  buffers: Buffers,
  head: string,
  body: readonly Uint8Array[],
  bytes: number,
  onSent: (() => void) | undefined,
): void {
  const areShort = bytes <= shortBytesMax || bytes < shortPieceBytes * body.length;
  if (areShort && head.length + bytes <= togetherBytesMax) {
    sendTogether(socket, buffers, head, body, bytes, onSent);
    return;
  }
  socket.cork();
  socket.write(head, "latin1");
  for (const [n, piece] of body.entries())
    socket.write(piece, (failure) => n === body.length - 1 && failure == null && onSent?.());
  socket.uncork();
}

function sendTogether(
  socket: Socket,
  buffers: Buffers,
  head: string,
  body: readonly Uint8Array[],
  bytes: number,
  onSent: (() => void) | undefined,
): void {
  const request = buffers.take(head.length + bytes).subarray(0, head.length + bytes);
  let at = request.write(head, 0, "latin1");
  for (const piece of body) {
    request.set(piece, at);
    at += piece.length;
  }
  socket.write(request, (failure) => {
    if (failure != null) return; // the system may read it still
    buffers.give(request);
    onSent?.();
  });
}
