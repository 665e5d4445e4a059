/**
 * Reads long JSON documents piece by piece. An array or object of up to 32 KiB is parsed; a longer one is a `LongJson`,
 * which is opened where somebody looks into it. So a document never takes more memory than its text and a piece.
 */
import type { Steps } from "../scheduling/steps.ts";
import {
  array,
  colon,
  eachPart,
  hasManyValues,
  object,
  pieceBytesMax,
  quote,
  skipBlank,
  textEnd,
} from "./json-elements.ts";

/** Members of an object that is opened: it is made in one go, and its names stay in memory for long. */
const membersMax = 10_000;

/** An object with more members than any protocol has. */
export class TooManyMembers extends SyntaxError {
  constructor() {
    super(`It has an object with more than ${membersMax} members.`);
  }
}

/** An array or object that is longer than a piece; its text is unread. */
export class LongJson {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;

  /** It begins at `start`, and ends before `end`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  get isList(): boolean {
    return this.bytes[this.start] === array;
  }
}

/** The value that the text is. Throws `SyntaxError` where a short text is no JSON. */
export function readJson(bytes: Buffer, start = 0, end = bytes.length): unknown {
  const from = skipBlank(bytes, start);
  const isParsed = end - from <= pieceBytesMax || (bytes[from] !== array && bytes[from] !== object);
  return isParsed ? JSON.parse(bytes.toString("utf8", from, end)) : new LongJson(bytes, from, end);
}

/** The object with its members, of which some may be a `LongJson`. Throws `SyntaxError`, and pauses. */
export function* openObject(long: LongJson): Steps<Readonly<Record<string, unknown>>> {
  const members: (readonly [string, unknown])[] = [];
  for (const { start, end } of yield* runsOf(long, membersMax)) {
    if (end - start > pieceBytesMax) members.push(memberIn(long.bytes, start, end));
    else members.push(...Object.entries(JSON.parse(`{${someOf(long.bytes, start, end)}}`) as object));
    yield;
  }
  return Object.fromEntries(members);
}

/** Visits each element of the list, which may be a `LongJson`. Throws `SyntaxError`, and pauses after each. */
export function* eachOf(
  list: LongJson | readonly unknown[],
  visit: (element: unknown) => Steps<void> | void,
): Steps<void> {
  if (!(list instanceof LongJson)) {
    for (const element of list) {
      const inside = visit(element);
      if (inside !== undefined) yield* inside;
      yield;
    }
    return;
  }
  for (const { start, end } of yield* runsOf(list)) {
    const isLong = end - start > pieceBytesMax;
    const elements = isLong
      ? [readJson(list.bytes, start, end)]
      : JSON.parse(`[${someOf(list.bytes, start, end)}]`);
    yield* eachOf(elements, visit);
  }
}

/** The value in one go; undefined where it has more than `valuesMax` values. Throws `SyntaxError`. */
export function readWhole({ bytes, start, end }: LongJson, valuesMax: number): unknown {
  const text = bytes.subarray(start, end);
  return hasManyValues(text, valuesMax) ? undefined : JSON.parse(text.toString());
}

type Run = { readonly start: number; end: number };

// Parts that follow each other, as many as are a piece, or one that is longer.
function* runsOf(
  { bytes, start, end }: LongJson,
  partsMax = Number.POSITIVE_INFINITY,
): Steps<readonly Run[]> {
  const runs: Run[] = [];
  let parts = 0;
  const isWhole = yield* eachPart(bytes, start, end, (partStart, partEnd) => {
    if (++parts > partsMax) throw new TooManyMembers();
    const last = runs.at(-1);
    if (last !== undefined && partEnd - last.start <= pieceBytesMax) last.end = partEnd;
    else runs.push({ start: partStart, end: partEnd });
  });
  if (!isWhole) throw new SyntaxError("no end");
  return runs;
}

function memberIn(bytes: Buffer, start: number, end: number): readonly [string, unknown] {
  const keyStart = skipBlank(bytes, start);
  const keyEnd = textEnd(bytes, keyStart);
  const at = skipBlank(bytes, keyEnd);
  if (bytes[keyStart] !== quote || bytes[at] !== colon) throw new SyntaxError("no member");
  return [JSON.parse(bytes.toString("utf8", keyStart, keyEnd)) as string, readJson(bytes, at + 1, end)];
}

// Refuses a comma that is followed only by blanks.
function someOf(bytes: Buffer, start: number, end: number): string {
  if (skipBlank(bytes, start) >= end) throw new SyntaxError("a comma too many");
  return bytes.toString("utf8", start, end);
}
