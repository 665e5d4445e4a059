/**
 * The body of a request that bypasses Node's parser and is read into memory of its reader's choice; the parser would
 * copy each read of it into fresh memory. Until somebody reads it, it holds only what came with its head.
 */
import type { IncomingMessage } from "node:http";
import type { Chunks } from "./chunks.ts";

/** Gathers a body. It is called in the turn in which bytes arrive. */
export type BodyReceiver = {
  /** Memory for this many bytes that have come, which `filled` then counts. Undefined: no more is wanted. */
  room(bytes: number): Buffer | undefined;
  /** Its memory that is not filled yet. */
  readonly spare: Buffer;
  filled(bytes: number): void;
  /** The whole body has arrived. */
  ended(): void;
  /** The client has gone. */
  broke(): void;
};

const nothing = Buffer.alloc(0);
/** Reading directly into less memory than this costs more than copying. */
const spareBytesMin = 16 * 1024;
/**
 * A read brings at most this much. Larger reads would be made into fresh memory, which costs far more than a copy.
 */
const spareBytesMax = 128 * 1024;

export class OwnBody {
  readonly #chunks: Chunks | undefined;
  #missingBytes: number;
  #begin: Buffer = nothing;
  #receiver: BodyReceiver | undefined;
  #fate: "waits" | "is read" | "is dropped" = "waits";
  /** Called when reading or dropping begins. */
  onMoved: () => void = () => {};

  /** `length`: its size, at least 1; or the decoder of its chunks. */
  constructor(length: number | Chunks) {
    this.#chunks = typeof length === "number" ? undefined : length;
    this.#missingBytes = typeof length === "number" ? length : Number.POSITIVE_INFINITY;
  }

  /** True when its chunks are malformed. */
  get isBad(): boolean {
    return this.#chunks?.isBad === true;
  }

  /** Bytes that have not arrived; infinite until the last chunk has come. */
  get missingBytes(): number {
    return this.#missingBytes;
  }

  /** True when it cannot take more before somebody reads it. */
  get isWaiting(): boolean {
    return this.#fate === "waits" && this.#begin.length > 0 && this.#missingBytes > 0;
  }

  get isDropped(): boolean {
    return this.#fate === "is dropped";
  }

  /** The whole body in memory of its own, if it came with its head. Call this once. */
  whole(): Buffer | undefined {
    if (this.#missingBytes > 0 || this.#fate !== "waits") return undefined;
    this.#fate = "is read";
    return this.#begun();
  }

  /** `receiver` gets the rest of the body. Returns what has already come, in memory of its own. */
  read(receiver: BodyReceiver): Buffer {
    this.#fate = "is read";
    this.#receiver = receiver;
    process.nextTick(() => this.onMoved());
    return this.#begun();
  }

  /** Reads and drops the rest. */
  drop(): void {
    if (this.#missingBytes === 0) return;
    this.#fate = "is dropped";
    this.#receiver = undefined;
    this.#begin = nothing;
    process.nextTick(() => this.onMoved());
  }

  /** The reader's memory for the next read of the socket, if there is enough of it. */
  get spare(): Buffer | undefined {
    const spare = this.#chunks === undefined ? (this.#receiver?.spare ?? nothing) : nothing;
    if (spare.length < Math.min(spareBytesMin, this.#missingBytes) || this.#missingBytes === 0)
      return undefined;
    return spare.subarray(0, Math.min(spareBytesMax, this.#missingBytes));
  }

  /** Counts bytes that were read into `spare`. */
  filled(bytes: number): void {
    this.#missingBytes -= bytes;
    this.#receiver?.filled(bytes);
    if (this.#missingBytes === 0) this.#receiver?.ended();
  }

  /** Takes the body's part of `bytes` from `at` on; returns the place after it. */
  add(bytes: Buffer, at: number): number {
    const { dataEnd, end } = this.#chunks?.decode(bytes, at) ?? this.#plain(bytes, at);
    const arrivedBytes = dataEnd - at;
    if (this.#chunks?.isOver === true) this.#missingBytes = arrivedBytes;
    if (this.#fate === "waits") this.#keep(bytes.subarray(at, dataEnd));
    else {
      const room = arrivedBytes === 0 ? undefined : this.#receiver?.room(arrivedBytes);
      if (room !== undefined) bytes.copy(room, 0, at, dataEnd);
      this.filled(arrivedBytes);
    }
    return end;
  }

  #plain(bytes: Buffer, at: number): { readonly dataEnd: number; readonly end: number } {
    const end = Math.min(bytes.length, at + this.#missingBytes);
    return { dataEnd: end, end };
  }

  /** Call when no more of it will come. */
  broke(): void {
    if (this.#missingBytes > 0) this.#receiver?.broke();
  }

  #keep(bytes: Buffer): void {
    this.#missingBytes -= bytes.length;
    this.#begin = this.#begin.length > 0 ? Buffer.concat([this.#begin, bytes]) : Buffer.from(bytes);
  }

  #begun(): Buffer {
    const begin = this.#begin;
    this.#begin = nothing;
    return begin;
  }
}

const bodies = new WeakMap<IncomingMessage, OwnBody>();

export const setOwnBody = (request: IncomingMessage, body: OwnBody): void => {
  bodies.set(request, body);
};

/** The body of a request that bypasses the parser; undefined: the request emits its body as usual. */
export const ownBodyOf = (request: IncomingMessage): OwnBody | undefined => bodies.get(request);
