/** Cuts JSON arrays and objects into the texts of their elements, so that a long document is parsed piece by piece. */
import type { Steps } from "../scheduling/steps.ts";

const pauseBytes = 1024;
/** A text up to this size is parsed in one go, which takes at most half a millisecond. */
const pieceBytesMax = 32 * 1024;
/** Nesting of arrays and objects that are longer than a piece. */
const depthMax = 32;
/**
 * Members of an object that is longer than a piece: a huge one is made in one go, and its names stay in memory for
 * long.
 */
export const membersMax = 10_000;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const array = 0x5b;
const object = 0x7b;
const objectEnd = 0x7d;
/** This bit turns brackets into braces. */
const curled = 0x20;
/** The distance from an opening bracket to its closing one. */
const toEnd = 2;

/** An object with more members than any protocol has. */
export class TooManyMembers extends SyntaxError {
  constructor() {
    super(`It has an object with more than ${membersMax} members.`);
  }
}

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

/**
 * `JSON.parse` with pauses. Refuses texts over 32 KiB whose nesting is deeper, or whose members are more, than in any
 * protocol.
 */
export function* parseInSteps(bytes: Buffer, from = 0, end = bytes.length, depth = 0): Steps<unknown> {
  const start = skipBlank(bytes, from);
  const first = bytes[start];
  if (end - start <= pieceBytesMax || (first !== array && first !== object))
    return JSON.parse(bytes.toString("utf8", start, end));
  if (depth === depthMax) throw new SyntaxError("nested too deep");
  const runs: { start: number; end: number }[] = [];
  let parts = 0;
  const isWhole = yield* eachPart(bytes, start, end, (partStart, partEnd) => {
    if (++parts > membersMax && first === object) throw new TooManyMembers();
    const last = runs.at(-1);
    if (last !== undefined && partEnd - last.start <= pieceBytesMax) last.end = partEnd;
    else runs.push({ start: partStart, end: partEnd });
  });
  if (!isWhole) throw new SyntaxError("no end");
  return first === array ? yield* elementsOf(bytes, runs, depth) : yield* membersOf(bytes, runs, depth);
}

/** True for a text longer than a piece with more values than any event: making them in one go takes long. */
export function hasManyValues(bytes: Uint8Array): boolean {
  if (bytes.length <= pieceBytesMax) return false;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) at = textEnd(bytes, at) - 1;
    else if ((byte === comma || (byte | curled) === object) && ++values > membersMax) return true;
  }
  return false;
}

type Runs = readonly { readonly start: number; readonly end: number }[];

function* elementsOf(bytes: Buffer, runs: Runs, depth: number): Steps<unknown[]> {
  const values: unknown[] = [];
  for (const { start, end } of runs) {
    if (end - start > pieceBytesMax) values.push(yield* parseInSteps(bytes, start, end, depth + 1));
    else for (const value of JSON.parse(`[${someOf(bytes, start, end)}]`) as unknown[]) values.push(value);
    yield;
  }
  return values;
}

function* membersOf(bytes: Buffer, runs: Runs, depth: number): Steps<object> {
  const members: (readonly [string, unknown])[] = [];
  for (const { start, end } of runs) {
    if (end - start > pieceBytesMax) {
      const keyStart = skipBlank(bytes, start);
      const keyEnd = textEnd(bytes, keyStart);
      const at = skipBlank(bytes, keyEnd);
      const key: unknown = JSON.parse(bytes.toString("utf8", keyStart, keyEnd));
      if (typeof key !== "string" || bytes[at] !== colon) throw new SyntaxError("no member");
      members.push([key, yield* parseInSteps(bytes, at + 1, end, depth + 1)]);
    } else members.push(...Object.entries(JSON.parse(`{${someOf(bytes, start, end)}}`) as object));
    yield;
  }
  return Object.fromEntries(members);
}

// Refuses a comma that is followed only by blanks.
function someOf(bytes: Buffer, start: number, end: number): string {
  if (skipBlank(bytes, start) >= end) throw new SyntaxError("a comma too many");
  return bytes.toString("utf8", start, end);
}

/** The place after the text that begins at `from`, or `from` if there is none. */
function textEnd(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== quote) return from;
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at + 1;
}

// The parts of the array or object that begins at `begin`.
function* eachPart(bytes: Uint8Array, begin: number, end: number, found: Found): Steps<boolean> {
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
function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}
