/** Reads the bodies of requests, within every bound. */
import type { IncomingMessage } from "node:http";
import type { AppError } from "../errors/app-error.ts";
import { bodyTimeout, bodyTooLarge, bodyTooSlow, unreadableBody } from "../errors/ingest.ts";
import type { Reservation } from "./body-budget.ts";
import { codingOf } from "./body-coding.ts";
import { isZstd } from "./inflations.ts";

export type BodyLimits = {
  /** Bytes of a body, inflated. */
  readonly bodyBytesMax: number;
  /** For a whole body to arrive. */
  readonly bodyTimeoutMs: number;
  /** A body that is not whole has to bring so many bytes in each `bodyRateMs`. */
  readonly bodyRateBytesMin: number;
  readonly bodyRateMs: number;
};

/** A read of a socket may hold far more than the piece of a body that is a view of it. */
const viewBytesMax = 4 * 1024;

/**
 * The body, where it has come whole with its head and is in no coding, as most have: nothing of it has to be waited for.
 * Undefined for any other: `readBody` takes it. Node's parser has put it into memory of just its size.
 */
export function bodyAtHand(request: IncomingMessage, { bodyBytesMax }: BodyLimits): Buffer | undefined {
  const declaredBytes = Number(request.headers["content-length"] ?? 0);
  const isAtHand = isHere(request, declaredBytes) && declaredBytes <= bodyBytesMax;
  return isAtHand && codingOf(request) === "identity" ? readAtOnce(request) : undefined;
}

/**
 * Reads a body whole, inflated where it is gzip or zstd, within every bound: bytes, time, pace, and the memory that
 * `reservation` gets. Rejects with the error to answer; what still comes in is then read and dropped.
 */
export async function readBody(
  request: IncomingMessage,
  reservation: Reservation,
  limits: BodyLimits,
): Promise<Buffer> {
  const body = await readWhole(request, reservation, limits);
  const coding = codingOf(request);
  if (coding === "identity") return body;
  if (isZstd(body) !== (coding === "zstd")) throw unreadableBody();
  return reservation.inflate(body, limits.bodyBytesMax);
}

function readWhole(request: IncomingMessage, reservation: Reservation, limits: BodyLimits): Promise<Buffer> {
  const declaredBytes = Number(request.headers["content-length"] ?? 0);
  if (declaredBytes > limits.bodyBytesMax) {
    request.resume();
    return Promise.reject(bodyTooLarge(limits.bodyBytesMax));
  }
  if (isHere(request, declaredBytes)) {
    const body = readAtOnce(request);
    const refusal = reservation.take(body.length);
    return refusal === undefined ? Promise.resolve(body) : Promise.reject(refusal);
  }
  return new Promise((resolve, reject) => new BodyReading(request, reservation, limits, resolve, reject));
}

const isHere = (request: IncomingMessage, declaredBytes: number): boolean =>
  request.complete || (declaredBytes > 0 && request.readableLength === declaredBytes);

function readAtOnce(request: IncomingMessage): Buffer {
  const bytes = (request.read() as Buffer | null) ?? Buffer.alloc(0);
  return isSmallPart(bytes) ? Buffer.from(bytes) : bytes;
}

/** The bytes keep far more memory from being freed than they take. */
const isSmallPart = ({ buffer, length }: Buffer): boolean =>
  buffer.byteLength > Math.max(viewBytesMax, 2 * length);

class BodyReading {
  readonly #request: IncomingMessage;
  readonly #reservation: Reservation;
  readonly #limits: BodyLimits;
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (reason: AppError) => void;
  readonly #timer: NodeJS.Timeout;
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
    this.#timer = setTimeout(
      () => setImmediate(() => this.#checkPace()), // what has arrived meanwhile is read first
      Math.min(limits.bodyRateMs, limits.bodyTimeoutMs),
    );
    reservation.onEvicted = (reason) => this.#refuse(reason);
    this.#listen();
  }

  // The listener for errors stays: an error without it would end the process.
  #listen(): void {
    const request = this.#request;
    const onUnreadable = () => this.#refuse(unreadableBody());
    request.on("error", onUnreadable);
    request.on("close", () => {
      if (!request.complete) onUnreadable(); // gone before the end
    });
    request.on("data", (chunk: Buffer) => this.#take(chunk)).on("end", () => this.#finish());
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    const length = this.#length + chunk.length;
    if (length > this.#limits.bodyBytesMax) {
      this.#refuse(bodyTooLarge(this.#limits.bodyBytesMax));
      return;
    }
    const refusal = length > this.#bytes.length ? this.#grow(chunk, length) : undefined;
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    if (this.#bytes !== chunk) chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  // Most bodies are one chunk and are not copied. A list of chunks would cost far more than tiny chunks hold.
  #grow(chunk: Buffer, length: number): AppError | undefined {
    const isFirst = this.#length === 0;
    const { headers } = this.#request;
    const wholeLength = Number(headers["content-length"] ?? 2 * length);
    const capacity = isFirst ? length : Math.max(length, Math.min(2 * length, wholeLength));
    const refusal = this.#reservation.take(capacity - this.#bytes.length);
    if (refusal !== undefined) return refusal;
    if (isFirst && !isSmallPart(chunk)) {
      this.#bytes = chunk;
    } else {
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    return undefined;
  }

  #checkPace(): void {
    if (this.#isOver) return;
    const { bodyTimeoutMs, bodyRateBytesMin, bodyRateMs } = this.#limits;
    const arrived = this.#request.socket.bytesRead;
    if (performance.now() - this.#startMs >= bodyTimeoutMs) this.#refuse(bodyTimeout());
    else if (arrived - this.#arrivedBefore < bodyRateBytesMin && !this.#request.complete) {
      this.#refuse(bodyTooSlow(bodyRateBytesMin, bodyRateMs / 1000));
    } else {
      this.#arrivedBefore = arrived;
      this.#timer.refresh();
    }
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#resolve(this.#bytes.subarray(0, this.#length));
  }

  #refuse(reason: AppError): void {
    if (this.#isOver) return;
    this.#stop();
    this.#bytes = Buffer.alloc(0);
    this.#request.resume();
    this.#reject(reason);
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#reservation.onEvicted = undefined;
  }
}
