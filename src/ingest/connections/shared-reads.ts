/**
 * One piece of memory that all plain connections are read into. Where a Node does not let a socket have it, the socket is read
 * as ever.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { readBy, readBytesMax } from "../../sockets/socket-reads.ts";

const memory = Buffer.allocUnsafeSlow(readBytesMax);

/**
 * From now on `take` is called with what arrives on the socket, instead of its `data` events. The bytes are good until
 * `take` returns; where that is false, no more is read until somebody resumes the socket. False, and nothing is changed, when
 * the socket cannot be read so; to be called before anything arrives.
 */
export function readShared(socket: Socket, take: (bytes: Buffer) => boolean): boolean {
  if (socket instanceof TLSSocket) return false;
  return readBy(socket, {
    memory,
    take: (bytes) => take(memory.subarray(0, bytes)),
  });
}
