/** Cuts an array of JSON into the texts of its elements, so that each can be parsed by itself. */
import type { Steps } from "./steps.ts";

const pauseBytes = 1024;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const array = 0x5b;
const arrayEnd = 0x5d;
/** Turns the brackets of arrays into those of objects. */
const curled = 0x20;
const opening = 0x7b;
const closing = 0x7d;

/**
 * Calls `found` with the place of each element, and with that of all of `bytes` where they are no array; pauses behind each
 * KiB, and behind each element. The texts are not looked into: whoever parses them finds what is wrong. False: something
 * stands behind the array, or its end is missing.
 */
export function* eachElement(bytes: Uint8Array, found: (start: number, end: number) => void): Steps<boolean> {
  const begin = skipBlank(bytes, 0);
  if (bytes[begin] !== array) {
    found(0, bytes.length);
    return true;
  }
  let depth = 1;
  let isText = false;
  let start = begin + 1;
  for (let at = start; at < bytes.length; at++) {
    if (at % pauseBytes === 0) yield;
    const byte = bytes[at]!;
    if (isText) {
      if (byte === backslash) at++;
      else isText = byte !== quote;
    } else if (byte === quote) isText = true;
    else if ((byte | curled) === opening) depth++;
    else if ((byte | curled) === closing && --depth === 0) {
      const isEmpty = start === begin + 1 && skipBlank(bytes, start) === at;
      if (!isEmpty) found(start, at);
      return byte === arrayEnd && skipBlank(bytes, at + 1) === bytes.length;
    } else if (byte === comma && depth === 1) {
      found(start, at);
      start = at + 1;
      yield;
    }
  }
  return false;
}

/** The place behind blanks, as JSON has them. */
function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}
