/** Gathers the body of a request that arrives in several reads, within the bounds of time, pace and memory. */
import type { IncomingMessage } from "node:http";
import { type Deadline, startDeadline } from "../../deadline.ts";
import type { AppError } from "../../errors/app-error.ts";
import { bodyTimeout, bodyTooLarge, bodyTooSlow, unreadableBody } from "../../errors/ingest.ts";
import { type BodyReceiver, type OwnBody, ownBodyOf } from "../../http/own-body.ts";
import type { Reservation } from "./body-budget.ts";

export type BodyLimits = {
  /** Bytes of a body after inflating. */
  readonly bodyBytesMax: number;
  /** For a whole body to arrive. */
  readonly bodyTimeoutMs: number;
  /** An unfinished body has to bring this many bytes in each `bodyRateMs`. */
  readonly bodyRateBytesMin: number;
  readonly bodyRateMs: number;
};

/** A body that has brought this much gets memory for the length that it declares. */
const muchBytes = 256 * 1024;
/** A smaller piece is copied: it is a view of a read that may be far larger. */
const viewBytesMax = 4 * 1024;

/** Reads the rest of the body and drops it. */
export function drop(request: IncomingMessage): void {
  ownBodyOf(request)?.drop();
  request.resume();
}

/** True when the bytes keep far more memory alive than they need. */
export const isSmallPart = ({ buffer, length }: Buffer): boolean =>
  buffer.byteLength > Math.max(viewBytesMax, 2 * length);

/** Collects a body in memory that grows with it. Settles once, with the body or with the error to answer. */
export class BodyReading implements BodyReceiver {
  readonly #request: IncomingMessage;
  readonly #reservation: Reservation;
  readonly #limits: BodyLimits;
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (reason: AppError) => void;
  /** The next look at the pace. */
  #look: Deadline;
  readonly #startMs = performance.now();
  #arrivedBefore: number;
  #isOver = false;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(
    request: IncomingMessage,
    reservation: Reservation,
    limits: BodyLimits,
    resolve: (body: Buffer) => void,
    reject: (reason: AppError) => void,
  ) {
    this.#request = request;
    this.#reservation = reservation;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#arrivedBefore = request.socket.bytesRead;
    this.#look = this.#lookLater();
    reservation.onEvicted = (reason) => this.#refuse(reason);
    const own = ownBodyOf(request);
    if (own === undefined) this.#listen();
    else this.#begin(own);
  }

  // The first part is in memory of its own.
  #begin(own: OwnBody): void {
    this.#request.on("error", () => {}); // without a listener, an error would end the process
    const begin = own.read(this);
    if (begin.length > 0) this.#adopt(begin);
  }

  // Leaves the listener for errors in place: without it, an error would end the process.
  #listen(): void {
    const request = this.#request;
    request.on("error", () => this.broke());
    request.on("close", () => {
      if (!request.complete) this.broke(); // the client is gone
    });
    request.on("data", (chunk: Buffer) => this.#take(chunk)).on("end", () => this.ended());
  }

  room(bytes: number): Buffer | undefined {
    if (this.#isOver) return undefined;
    const length = this.#length + bytes;
    let refusal: AppError | undefined;
    if (length > this.#limits.bodyBytesMax) refusal = bodyTooLarge(this.#limits.bodyBytesMax);
    else if (length > this.#bytes.length) refusal = this.#grow(length);
    if (refusal === undefined) return this.spare;
    this.#refuse(refusal);
    return undefined;
  }

  get spare(): Buffer {
    return this.#bytes.subarray(this.#length);
  }

  filled(bytes: number): void {
    this.#length += bytes;
  }

  ended(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#resolve(this.#bytes.subarray(0, this.#length));
  }

  broke(): void {
    this.#refuse(unreadableBody());
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#length === 0 && !isSmallPart(chunk)) {
      this.#adopt(chunk);
      return;
    }
    const room = this.room(chunk.length);
    if (room === undefined) return;
    chunk.copy(room);
    this.#length += chunk.length;
  }

  // Takes over the first part of a body, which is in memory of its own: most bodies have no other part, and so are
  // not copied.
  #adopt(first: Buffer): void {
    const { bodyBytesMax } = this.#limits;
    const isTooLarge = first.length > bodyBytesMax;
    const refusal = isTooLarge ? bodyTooLarge(bodyBytesMax) : this.#reservation.take(first.length);
    if (refusal !== undefined) this.#refuse(refusal);
    else {
      this.#bytes = first;
      this.#length = first.length;
    }
  }

  // Makes room for `length` bytes and as many more, or for the whole body once much of it has come: doubling a large
  // buffer would copy it again and again, and copying a megabyte holds everybody up. A list of parts is no better,
  // since tiny parts cost far more than they hold.
  #grow(length: number): AppError | undefined {
    const wholeLength = Number(this.#request.headers["content-length"] ?? 2 * length);
    const ahead = length > muchBytes ? wholeLength : Math.min(2 * length, wholeLength);
    const capacity = this.#length === 0 ? length : Math.max(length, ahead);
    const refusal = this.#reservation.take(capacity - this.#bytes.length);
    if (refusal !== undefined) return refusal;
    const larger = capacity < viewBytesMax ? Buffer.allocUnsafe(capacity) : Buffer.allocUnsafeSlow(capacity);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    return undefined;
  }

  #lookLater(): Deadline {
    const { bodyRateMs, bodyTimeoutMs } = this.#limits;
    return startDeadline(Math.min(bodyRateMs, bodyTimeoutMs), () => this.#checkPace());
  }

  #checkPace(): void {
    const { bodyTimeoutMs, bodyRateBytesMin, bodyRateMs } = this.#limits;
    const arrived = this.#request.socket.bytesRead;
    if (performance.now() - this.#startMs >= bodyTimeoutMs) this.#refuse(bodyTimeout());
    else if (arrived - this.#arrivedBefore < bodyRateBytesMin && !this.#isParsed) {
      this.#refuse(bodyTooSlow(bodyRateBytesMin, bodyRateMs / 1000));
    } else {
      this.#arrivedBefore = arrived;
      this.#look = this.#lookLater();
    }
  }

  /** True when all of the body went through Node's parser. */
  get #isParsed(): boolean {
    return this.#request.complete && ownBodyOf(this.#request) === undefined;
  }

  #refuse(reason: AppError): void {
    if (this.#isOver) return;
    this.#stop();
    this.#bytes = Buffer.alloc(0);
    drop(this.#request);
    this.#reject(reason);
  }

  #stop(): void {
    this.#isOver = true;
    this.#look.stop();
    this.#reservation.onEvicted = undefined;
  }
}
