/**
 * A fast path for the usual frame: `<PRI>1 TIME HOST APPNAME PROCID - MSG`, with or without a `-` for structured data,
 * one space between fields, a valid TIME, and a token in APPNAME. It gives the same result as the general path
 * (`scanHeader`, `Canoniser.addScanned`) with fewer checks. Any other frame is left to that path.
 */

import { maskTokens, tokenBytes } from "../secrets/token-mask.ts";
import { processBytesMax, scanPri } from "../wire/syslog.ts";
import { timestampEnd } from "../wire/timestamp.ts";
import { copyBytes } from "./copy-words.ts";
import { decimalDigits, writeDecimal } from "./decimal.ts";

const space = 0x20;
const dash = 0x2d;
const zero = 0x30;
const one = 0x31;
const opening = 0x5b;
const closing = 0x5d;
const letterD = 0x64;
const letterT = 0x74;
const dot = 0x2e;
const none = -1;

/** Printable ASCII without `]`. */
const isFieldByte = new Uint8Array(256);
for (let byte = space + 1; byte < 0x7f; byte++) if (byte !== closing) isFieldByte[byte] = 1;

/** The places of a plain frame; each scan sets them again. */
export class PlainFrame {
  start = 0;
  end = 0;
  pri = 0;
  timeEnd = 0;
  /** The token is `tokenBytes` long. */
  tokenStart = 0;
  processStart = 0;
  processEnd = 0;
  messageStart = 0;
}

/**
 * Fills `found` from the frame [start, end); false if it is not plain. Does not check that the token is one. With
 * `hasAnyName`, any word may stand in its place, as in bodies whose sender is known.
 */
export function scanPlain(
  bytes: Uint8Array,
  start: number,
  end: number,
  found: PlainFrame,
  hasAnyName = false,
): boolean {
  const priEnd = plainPri(bytes, start, end, found);
  if (priEnd === none || bytes[priEnd] !== one || bytes[priEnd + 1] !== space) return false;
  const timeEnd = timestampEnd(bytes, priEnd + 2, end);
  if (timeEnd === none || bytes[timeEnd] !== space) return false;
  const hostStart = timeEnd + 1;
  const hostEnd = plainWord(bytes, hostStart, end);
  if (hostEnd === none || (bytes[hostStart] === letterD && bytes[hostStart + 1] === dot)) return false;
  const tokenStart = hostEnd + 1;
  const tokenEnd = hasAnyName ? plainWord(bytes, tokenStart, end) : tokenStart + tokenBytes;
  if (tokenEnd === none || tokenEnd >= end || bytes[tokenEnd] !== space) return false;
  if (bytes[tokenStart] !== letterT && !hasAnyName) return false;
  const processStart = tokenEnd + 1;
  const processEnd = plainWord(bytes, processStart, end);
  if (processEnd === none || processEnd - processStart > processBytesMax) return false;
  if (processEnd + 2 >= end || bytes[processEnd + 1] !== dash || bytes[processEnd + 2] !== space)
    return false;
  const messageStart = plainMessage(bytes, processEnd + 3, end);
  if (messageStart === none) return false;
  found.start = start;
  found.end = end;
  found.timeEnd = timeEnd;
  found.tokenStart = tokenStart;
  found.processStart = processStart;
  found.processEnd = processEnd;
  found.messageStart = messageStart;
  return true;
}

// A PRI of 0 to 191 without leading zeros: the place after it, or -1.
function plainPri(bytes: Uint8Array, start: number, end: number, found: PlainFrame): number {
  const priEnd = scanPri(bytes, start, end, found);
  if (priEnd === none || priEnd + 1 >= end || found.pri > 191) return none;
  const digits = priEnd - start - 2;
  return digits > 1 && bytes[start + 1] === zero ? none : priEnd;
}

// The place of the space after the word at `at`, or -1 if the word is empty or has characters other than printable
// ASCII without `]`.
function plainWord(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && isFieldByte[bytes[i]!] === 1) i++;
  return i > at && i < end && bytes[i] === space ? i : none;
}

// The beginning of the message after MSGID and structured data that are nil or left out; -1 if the general path must
// look for it.
function plainMessage(bytes: Uint8Array, at: number, end: number): number {
  let start = at;
  if (start < end && bytes[start] === dash) {
    if (start + 1 === end) return end;
    if (bytes[start + 1] === space) start += 2;
  } else if (start < end && bytes[start] === opening) return none;
  return start < end && bytes[start] === 0xef ? none : start;
}

/** The length of the line that a plain frame becomes, without its length prefix. */
export const plainLineBytes = (frame: PlainFrame, names: Uint8Array): number =>
  frame.timeEnd -
  frame.start +
  names.length +
  (frame.processEnd - frame.processStart) +
  3 +
  (frame.end - frame.messageStart);

/** True if the line can be written to `at` of the frame's own bytes: no field of it moves to the right. */
export const fitsInPlace = (frame: PlainFrame, names: Uint8Array, at: number, length: number): boolean => {
  const headAt = at + decimalDigits(length) + 1;
  const processAt = headAt + (frame.timeEnd - frame.start) + names.length;
  return (
    headAt <= frame.start && processAt <= frame.processStart && headAt + length <= frame.end // and so does its message
  );
};

/**
 * Writes the line to `at` of `out`, whose view is `view`, and its numbers to `place` of `places`; returns the place
 * after it. There must be room for `plainLineBytes` and a length prefix.
 */
export function writePlain(
  bytes: Uint8Array,
  frame: PlainFrame,
  { names, token, strict }: { names: Uint8Array; token: string | undefined; strict: number },
  out: Uint8Array,
  view: DataView,
  at: number,
  places: Uint32Array,
  place: number,
): number {
  const { start, timeEnd, processStart, processEnd, messageStart, end } = frame;
  const length = plainLineBytes(frame, names);
  const digits = decimalDigits(length);
  writeDecimal(out, at, digits, length);
  out[at + digits] = space;
  const headAt = at + digits + 1;
  const namesAt = copyBytes(out, view, headAt, bytes, start, timeEnd);
  let to = namesAt;
  for (let i = 0; i < names.length; i++) out[to++] = names[i]!;
  const processAt = to;
  for (let i = processStart; i < processEnd; i++) out[to++] = bytes[i]!;
  out[to] = space;
  out[to + 1] = dash;
  out[to + 2] = space;
  const messageAt = to + 3;
  const lineEnd = copyBytes(out, view, messageAt, bytes, messageStart, end);
  places[place] = headAt;
  places[place + 1] = frame.pri | strict;
  places[place + 2] = namesAt;
  places[place + 3] = processAt - 1;
  places[place + 4] = to;
  places[place + 5] = to + 2;
  places[place + 6] = messageAt;
  places[place + 7] = lineEnd;
  maskTokens(out, processAt, lineEnd, token);
  return lineEnd;
}
