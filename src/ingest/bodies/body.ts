/** Reads the bodies of requests within all bounds. */
import type { IncomingMessage } from "node:http";
import { bodyTooLarge, unreadableBody } from "../../errors/ingest.ts";
import { ownBodyOf } from "../../http/own-body.ts";
import type { Reservation } from "./body-budget.ts";
import { codingOf } from "./body-coding.ts";
import { type BodyLimits, BodyReading, drop, isSmallPart } from "./body-reading.ts";
import { isZstd } from "./inflate.ts";

/**
 * The body if it arrived whole with its head and has no coding, as most do, so that there is nothing to wait for; in
 * memory of its own. Undefined for any other, which `readBody` reads.
 */
export function bodyAtHand(request: IncomingMessage, { bodyBytesMax }: BodyLimits): Buffer | undefined {
  const declaredBytes = Number(request.headers["content-length"] ?? 0);
  if (declaredBytes > bodyBytesMax || codingOf(request) !== "identity") return undefined;
  return here(request, declaredBytes);
}

/**
 * Reads a whole body and inflates gzip and zstd, bounded in size, time, pace, and the memory of `reservation`.
 * Rejects with the error to answer; the rest of the body is then read and dropped.
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
    drop(request);
    return Promise.reject(bodyTooLarge(limits.bodyBytesMax));
  }
  const body = here(request, declaredBytes);
  if (body !== undefined) {
    const refusal = reservation.take(body.length);
    return refusal === undefined ? Promise.resolve(body) : Promise.reject(refusal);
  }
  return new Promise((resolve, reject) => new BodyReading(request, reservation, limits, resolve, reject));
}

/** A body that arrived whole with its head. */
function here(request: IncomingMessage, declaredBytes: number): Buffer | undefined {
  const own = ownBodyOf(request);
  if (own !== undefined) return own.whole();
  const isHere = request.complete || (declaredBytes > 0 && request.readableLength === declaredBytes);
  if (!isHere) return undefined;
  const bytes = (request.read() as Buffer | null) ?? Buffer.alloc(0);
  return isSmallPart(bytes) ? Buffer.from(bytes) : bytes;
}
