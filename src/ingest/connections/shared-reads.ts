/**
 * One buffer that all plain connections are read into, which lies where lines are made of their frames. Where Node does not allow that for a socket, it is read in the
 * usual way.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { lineCode } from "../../core/batch/line-code.ts";
import { firstReadBytesMax, readBy, readBytesMax } from "../../sockets/socket-reads.ts";

const memory = lineCode?.input ?? Buffer.allocUnsafeSlow(readBytesMax);
const firstMemory = memory.subarray(0, firstReadBytesMax);

/**
 * Calls `take` with everything that arrives on the socket from now on, instead of emitting `data`. The bytes are
 * valid until `take` returns; if it returns false, reading pauses until the socket is resumed. `isFull`: the read took
 * all that it could, and there may be more. Call this before anything arrives. Returns false, and changes nothing, when the socket cannot be read this way.
 */
export function readShared(socket: Socket, take: (bytes: Buffer, isFull: boolean) => boolean): boolean {
  if (socket instanceof TLSSocket) return false;
  return readBy(socket, {
    memory: firstMemory,
    next: () => memory,
    take: (bytes, { length }) => take(memory.subarray(0, bytes), bytes === length),
  });
}
