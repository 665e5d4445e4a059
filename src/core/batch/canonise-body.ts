/** Canonises whole bodies of octet-counted frames. */

import type { Steps } from "../scheduling/steps.ts";
import { scanFrame } from "../wire/frame.ts";
import type { CanonicalLines } from "./batch.ts";
import { Canoniser } from "./canonical.ts";
import { partsWithId } from "./lines.ts";
import { PlainBody } from "./plain-body.ts";

/** Why a body is not made of frames: `frame` counts from 0, `offset` in bytes. */
export type BadFraming = {
  readonly kind: "bad";
  readonly reason: "length_not_decimal" | "frame_too_long" | "truncated" | "too_many";
  readonly frame: number;
  readonly offset: number;
};

type BodyOptions = {
  readonly frameBytesMax: number;
  /** Frames of a body; absent: any number. */
  readonly framesMax?: number;
  readonly nowMs: number;
  /** The token that the lines came with: see `Canoniser`. */
  readonly token?: string;
  readonly dedupId?: string;
  /** Called before each pause with the memory of the lines beyond that of the body. */
  readonly onPause?: (growthBytes: number) => void;
};

/** `parts`: of `count` lines, in order; none where there are no lines. */
export type CanonisedBody =
  | { readonly kind: "lines"; readonly parts: readonly CanonicalLines[]; readonly count: number }
  | BadFraming;

/** A walk over a body may pause after this many frames, which take tens of microseconds. */
export const stepFrames = 64;
/** The same when frames are only counted. */
const countStepFrames = 4096;
/** The shortest frame: `0 `. */
const frameBytesMin = 2;

/**
 * Canonises a whole body of octet-counted frames of one source, in the body's own memory if the lines fit: `body` must
 * not be used afterwards. If any part of it is not a frame, nothing of it counts. Yields after `stepFrames` frames or
 * more.
 */
export function* canoniseBody(
  body: Uint8Array,
  source: string,
  { frameBytesMax, framesMax = Number.POSITIVE_INFINITY, nowMs, token, dedupId, onPause }: BodyOptions,
): Steps<CanonisedBody> {
  const mayExceed = body.length > frameBytesMin * framesMax;
  const excess = mayExceed ? yield* excessFrame(body, frameBytesMax, framesMax) : undefined;
  if (excess !== undefined) return { kind: "bad", reason: "too_many", frame: framesMax, offset: excess };
  const canoniser = new Canoniser(source, body, token, true);
  const plain = new PlainBody(body, canoniser.origin);
  let stepEnd = stepFrames;
  for (let at = 0; at < body.length; ) {
    const lines = plain.take(at, frameBytesMax, framesMax - canoniser.count);
    if (lines !== undefined) {
      at += plain.bytesTaken;
      canoniser.addLines(lines, body, at);
    } else {
      const frame = canoniser.count;
      const scan = scanFrame(body, at, frameBytesMax);
      if (scan.kind !== "frame") {
        const reason = scan.kind === "more" ? "truncated" : scan.reason;
        return { kind: "bad", reason, frame, offset: at };
      }
      if (frame === framesMax) return { kind: "bad", reason: "too_many", frame, offset: at };
      canoniser.add(body, scan.start, scan.end, nowMs);
      at = scan.end;
    }
    if (canoniser.count < stepEnd) continue;
    stepEnd = canoniser.count + stepFrames;
    onPause?.(canoniser.roomBytes - body.length);
    yield;
  }
  const { count } = canoniser;
  const parts = canoniser.takeParts();
  return { kind: "lines", parts: dedupId === undefined ? parts : partsWithId(parts, dedupId), count };
}

// Finds the first frame beyond the limit in a body whose first frames are so short that there may be one: then frames
// are counted before anything is made of them.
function* excessFrame(body: Uint8Array, frameBytesMax: number, framesMax: number): Steps<number | undefined> {
  let at = 0;
  for (let frame = 0; at < body.length; frame++) {
    if (frame === framesMax) return at;
    if (frame === stepFrames && (at / frame) * framesMax > body.length) return undefined;
    const scan = scanFrame(body, at, frameBytesMax);
    if (scan.kind !== "frame") return undefined;
    at = scan.end;
    if (frame % countStepFrames === 0) yield;
  }
  return undefined;
}
