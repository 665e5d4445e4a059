/**
 * Reads server sockets into memory of our choice. Node reads into 64 KiB of fresh memory each time, which a busy
 * server pays for with full garbage collections. Only client sockets can be given memory (`onread` of `net.connect`).
 * A server's socket is the same kind of object, so we set the internal fields that `onread` sets.
 */
import type { Socket } from "node:net";
import { returnedMemory } from "../core/batch/batch-memory.ts";

/** The size of Node's own reads. */
export const readBytesMax = 64 * 1024;

/**
 * The size of a new connection's first read. Others come meanwhile, and what of their reads has to wait for a turn is
 * copied; so little is read of each until its turn has come once.
 */
export const firstReadBytesMax = 16 * 1024;

/** Internals of a socket that `onread` sets, looked up by name. */
type Insides = Record<symbol, unknown> & {
  readonly _handle?: { useUserBuffer?: (memory: Uint8Array) => void } | null;
};

type Reads = {
  /**
   * Memory of the first read, and of each read if there is no `next`. It may be read into again as soon as `take`
   * returns.
   */
  readonly memory: Buffer;
  /** Called after each read; returns the memory of the next one, if it is another. */
  readonly next?: () => Buffer | undefined;
  /**
   * Called with the number of bytes that were read into `memory`. Returns false to stop reading until somebody
   * resumes the socket.
   */
  readonly take: (bytes: number, memory: Buffer) => boolean;
};

/**
 * Reads the socket by `reads` from now on, instead of emitting `data`. Call this before anything arrives. Returns
 * false, and changes nothing, on a Node that lacks these internals.
 */
export function readBy(socket: Socket, { memory, next, take }: Reads): boolean {
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
  if (next !== undefined) insides[made] = next;
  insides[callback] = returnedMemory.isWiped ? wiping(memory, take) : take;
  socket.resume(); // a listener of `data` would have done this
  return true;
}

/**
 * Has a socket whose `data` is listened to read nothing further while it is paused. By itself it reads on until it has
 * 64 KiB, in memory that nobody counts.
 */
export function readLittleAhead(socket: Socket): void {
  const state = (socket as unknown as { readonly _readableState?: { highWaterMark?: number } })
    ._readableState;
  if (state?.highWaterMark !== undefined) state.highWaterMark = 1;
}

const wiping =
  (shared: Buffer, take: Reads["take"]): Reads["take"] =>
  (bytes, memory) => {
    const goesOn = take(bytes, memory);
    if (memory.buffer === shared.buffer) memory.fill(0xdb, 0, bytes);
    return goesOn;
  };
