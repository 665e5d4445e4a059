/**
 * Reads server sockets into memory of our choice. Node reads into 64 KiB of fresh memory each time, which a busy server
 * pays for with full collections, and lets only client sockets have memory (`onread` of `net.connect`). A server's
 * socket is the same kind of object, so we set the internal fields that `onread` sets.
 */
import type { Socket } from "node:net";
import { returnedMemory } from "../core/batch/batch-memory.ts";

/** As much as Node reads at once. */
export const readBytesMax = 64 * 1024;

/** The insides of a socket that `onread` sets, found by their names. */
type Insides = Record<symbol, unknown> & {
  readonly _handle?: { useUserBuffer?: (memory: Uint8Array) => void } | null;
};

type Reads = {
  /** Memory of the first read, and of each one where `next` is absent. Others read into it as soon as `take` returns. */
  readonly memory: Buffer;
  /** Called behind each read: the memory of the next one. */
  readonly next?: () => Buffer;
  /** So many bytes were read into `memory`. False: it is not read on until somebody resumes the socket. */
  readonly take: (bytes: number, memory: Buffer) => boolean;
};

/**
 * From now on reads of the socket go by `reads`, instead of its `data` events. False, and nothing is changed, on a Node that
 * does not know the names; to be called before anything arrives.
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
  socket.resume(); // there is no listener of `data` that would
  return true;
}

const wiping =
  (shared: Buffer, take: Reads["take"]): Reads["take"] =>
  (bytes, memory) => {
    const goesOn = take(bytes, memory);
    if (memory === shared) shared.fill(0xdb, 0, bytes);
    return goesOn;
  };
