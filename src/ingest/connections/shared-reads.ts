/**
 * One buffer that all plain connections are read into. Where Node does not allow that for a socket, it is read in the
 * usual way.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { readBy, readBytesMax } from "../../sockets/socket-reads.ts";

const memory = Buffer.allocUnsafeSlow(readBytesMax);

/**
 * Calls `take` with everything that arrives on the socket from now on, instead of emitting `data`. The bytes are
 * valid until `take` returns; if it returns false, reading pauses until the socket is resumed. Call this before
 * anything arrives. Returns false, and changes nothing, when the socket cannot be read this way.
 */
export function readShared(socket: Socket, take: (bytes: Buffer) => boolean): boolean {
  if (socket instanceof TLSSocket) return false;
  return readBy(socket, {
    memory,
    take: (bytes) => take(memory.subarray(0, bytes)),
  });
}
