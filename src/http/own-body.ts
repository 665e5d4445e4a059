/**
 * The body of a request that is read beside Node's parser, into memory that its reader names: the parser would copy each
 * read of it into fresh memory. Until somebody reads it, it holds what came with its head and no more.
 */
import type { IncomingMessage } from "node:http";
import type { Chunks } from "./chunks.ts";

/** Gathers a body. It is called in the turn in which bytes arrive. */
export type BodyReceiver = {
  /** Memory for so many bytes that have come, which `filled` then counts. Undefined: no more is wanted. */
  room(bytes: number): Buffer | undefined;
  /** Memory that it has and that is not filled. */
  readonly spare: Buffer;
  filled(bytes: number): void;
  /** All of it is here. */
  ended(): void;
  /** Its client has gone. */
  broke(): void;
};

const nothing = Buffer.alloc(0);
/** A read into less memory of the body's own costs more than a copy of what comes. */
const spareBytesMin = 16 * 1024;
/** One read brings no more: it is made at one go, into memory that is fresh, which costs far more than the copy. */
const spareBytesMax = 128 * 1024;

export class OwnBody {
  readonly #chunks: Chunks | undefined;
  #missingBytes: number;
  #begin: Buffer = nothing;
  #receiver: BodyReceiver | undefined;
  #fate: "waits" | "is read" | "is dropped" = "waits";
  /** Called when it begins to be read or dropped. */
  onMoved: () => void = () => {};

  /** `length`: its bytes, 1 at least; or how it comes in chunks. */
  constructor(length: number | Chunks) {
    this.#chunks = typeof length === "number" ? undefined : length;
    this.#missingBytes = typeof length === "number" ? length : Number.POSITIVE_INFINITY;
  }

  /** It comes in chunks that are none. */
  get isBad(): boolean {
    return this.#chunks?.isBad === true;
  }

  /** Bytes that have not arrived; infinite for chunks that have not ended. */
  get missingBytes(): number {
    return this.#missingBytes;
  }

  /** More of it cannot be taken before somebody reads it. */
  get isWaiting(): boolean {
    return this.#fate === "waits" && this.#begin.length > 0 && this.#missingBytes > 0;
  }

  get isDropped(): boolean {
    return this.#fate === "is dropped";
  }

  /** The whole body in memory of its own, where it has come with its head; to be asked for once. */
  whole(): Buffer | undefined {
    if (this.#missingBytes > 0 || this.#fate !== "waits") return undefined;
    this.#fate = "is read";
    return this.#begun();
  }

  /** `receiver` gets the rest of it; the result is what has come already, in memory of its own. */
  read(receiver: BodyReceiver): Buffer {
    this.#fate = "is read";
    this.#receiver = receiver;
    process.nextTick(() => this.onMoved());
    return this.#begun();
  }

  /** The rest of it is read and thrown away. */
  drop(): void {
    if (this.#missingBytes === 0) return;
    this.#fate = "is dropped";
    this.#receiver = undefined;
    this.#begin = nothing;
    process.nextTick(() => this.onMoved());
  }

  /** Memory of its reader for the next read of the socket, where that has enough. */
  get spare(): Buffer | undefined {
    const spare = this.#chunks === undefined ? (this.#receiver?.spare ?? nothing) : nothing;
    if (spare.length < Math.min(spareBytesMin, this.#missingBytes) || this.#missingBytes === 0)
      return undefined;
    return spare.subarray(0, Math.min(spareBytesMax, this.#missingBytes));
  }

  /** So many bytes were read into its `spare` memory. */
  filled(bytes: number): void {
    this.#missingBytes -= bytes;
    this.#receiver?.filled(bytes);
    if (this.#missingBytes === 0) this.#receiver?.ended();
  }

  /** Takes of `bytes`, from `at` on, what is the body's; returns the place behind. */
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

  /** No more of it comes. */
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

/** The body of the request, where it is read beside the parser; undefined: it comes with the request's own events. */
export const ownBodyOf = (request: IncomingMessage): OwnBody | undefined => bodies.get(request);
