/**
 * One piece of memory that all plain connections are read into. Node reads a server's sockets into 64 KiB of fresh memory each
 * time, which a busy server pays for with full collections; only a client's sockets can be given memory (`onread` of
 * `net.connect`). A server's socket is the same kind of object, so it is given memory here by the names that `onread` sets
 * inside of it. Where a Node has them no more, it is read as ever.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** As much as Node reads at once. */
export const readBytesMax = 64 * 1024;

/** The insides of a socket that `onread` sets, found by their names. */
type Insides = Record<symbol, unknown> & {
  readonly _handle?: { useUserBuffer?: (memory: Uint8Array) => void } | null;
};

const memory = Buffer.allocUnsafeSlow(readBytesMax);

/**
 * From now on `take` is called with what arrives on the socket, instead of its `data` events. The bytes are good until
 * `take` returns. False, and nothing is changed, when the socket cannot be read so; to be called before anything arrives.
 */
export function readShared(socket: Socket, take: (bytes: Buffer) => void): boolean {
  if (socket instanceof TLSSocket) return false;
  const insides = socket as unknown as Insides;
  const [buffer, made, callback] = ["kBuffer", "kBufferGen", "kBufferCb"].map((name) =>
    Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === name),
  );
  const handle = insides._handle;
  if (buffer === undefined || made === undefined || callback === undefined) return false;
  if (insides[buffer] !== null || insides[made] !== null) return false;
  if (typeof handle?.useUserBuffer !== "function") return false;
  handle.useUserBuffer(memory);
  insides[buffer] = memory;
  insides[callback] = (bytes: number): true => {
    take(memory.subarray(0, bytes));
    return true; // whoever wants no more has paused the socket
  };
  socket.resume(); // there is no listener of `data` that would
  return true;
}
