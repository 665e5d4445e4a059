/** Cuts JSON arrays and objects into the texts of their elements, so that a long document is parsed piece by piece. */
import type { Steps } from "../scheduling/steps.ts";

const pauseBytes = 1024;
/** A text up to this size is parsed in one go, which takes at most half a millisecond. */
export const pieceBytesMax = 32 * 1024;
/** The values that an event may have. */
export const valuesMax = 10_000;
export const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
export const colon = 0x3a;
export const array = 0x5b;
export const object = 0x7b;
const objectEnd = 0x7d;
/** This bit turns brackets into braces. */
const curled = 0x20;
/** The distance from an opening bracket to its closing one. */
const toEnd = 2;

type Found = (start: number, end: number) => void;

/**
 * Calls `found` with the place of each element, or with that of all of `bytes` if they are not an array; pauses after
 * each KiB, and after each element. Does not look into the texts: whoever parses them finds what is wrong. False if
 * something follows the array, or its end is missing.
 */
export function* eachElement(bytes: Uint8Array, found: Found): Steps<boolean> {
  const begin = skipBlank(bytes, 0);
  if (bytes[begin] === array) return yield* eachPart(bytes, begin, bytes.length, found);
  found(0, bytes.length);
  return true;
}

/** True for a text longer than a piece with more than `most` values: making them in one go takes long. */
export function hasManyValues(bytes: Uint8Array, most = valuesMax): boolean {
  if (bytes.length <= pieceBytesMax) return false;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) at = textEnd(bytes, at) - 1;
    else if ((byte === comma || (byte | curled) === object) && ++values > most) return true;
  }
  return false;
}

/** The place after the text that begins at `from`, or `from` if there is none. */
export function textEnd(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== quote) return from;
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at + 1;
}

/**
 * Calls `found` with the place of each part of the array or object that begins at `begin` and ends before `end`. Pauses,
 * and does not look into the parts, as `eachElement`.
 */
export function* eachPart(bytes: Uint8Array, begin: number, end: number, found: Found): Steps<boolean> {
  let depth = 1;
  let isText = false;
  let start = begin + 1;
  for (let at = start; at < end; at++) {
    if (at % pauseBytes === 0) yield;
    const byte = bytes[at]!;
    if (isText) {
      if (byte === backslash) at++;
      else isText = byte !== quote;
    } else if (byte === quote) isText = true;
    else if ((byte | curled) === object) depth++;
    else if ((byte | curled) === objectEnd && --depth === 0) {
      const isEmpty = start === begin + 1 && skipBlank(bytes, start) === at;
      if (!isEmpty) found(start, at);
      return byte === bytes[begin]! + toEnd && skipBlank(bytes, at + 1) >= end;
    } else if (byte === comma && depth === 1) {
      found(start, at);
      start = at + 1;
      yield;
    }
  }
  return false;
}

/** The place after JSON's white space. */
export function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}
