/**
 * A position is a place in a channel between two lines. Only engines make sequences; everybody else passes
 * positions on, stores them and prints them.
 */

/**
 * `SEQUENCE.LINES.INCARNATION.MARK`: the place after the first LINES lines of the batch at SEQUENCE, both decimal
 * numbers. INCARNATION names the life of the channel's log, and MARK the batch. So a position of another log, or of a
 * log that lost its end and grew another, is not mistaken for a place of this one. Where SEQUENCE is not the running
 * number of the batch's first line, `.LINE` follows in base 36, so that the number of missing lines after a trimmed
 * batch is still exact. Older positions are just `SEQUENCE.LINES`, and are trusted.
 */
export type Position = string & { readonly __brand: "position" };

/**
 * A parsed position. `incarnation`, `mark` and `line`, the number of the batch's first line, are absent if they are
 * not known.
 */
export type Place = {
  readonly sequence: number;
  readonly lines: number;
  readonly incarnation?: string;
  readonly mark?: string;
  readonly line?: number;
};

const positionForm =
  /^(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,9})(?:\.([0-9a-z]{4,16})(?:\.([0-9a-z]{1,6})(?:\.(0|[1-9a-z][0-9a-z]{0,10}))?)?)?$/;

/** The place after `lines` lines of the batch at `sequence`. `log`: the text of `logOf`. */
export const positionAt = (sequence: number, lines: number, log = ""): Position =>
  `${sequence}.${lines}${log}` as Position;

/** The part of a position that all positions in a batch share. */
export function logOf(incarnation: string, mark?: string, line?: number): string {
  if (mark === undefined) return `.${incarnation}`;
  return line === undefined ? `.${incarnation}.${mark}` : `.${incarnation}.${mark}.${line.toString(36)}`;
}

/** Parses a text of `positionAt`; undefined for any other text. */
export function readPosition(text: string): Place | undefined {
  const match = positionForm.exec(text);
  if (match === null) return undefined;
  const sequence = Number(match[1]);
  const [, , lines, incarnation, mark, number] = match;
  const line = number === undefined ? undefined : Number.parseInt(number, 36);
  if (!Number.isSafeInteger(sequence) || (line !== undefined && !Number.isSafeInteger(line)))
    return undefined;
  return {
    sequence,
    lines: Number(lines),
    ...(incarnation !== undefined && { incarnation }),
    ...(mark !== undefined && { mark }),
    ...(line !== undefined && { line }),
  };
}

/** Brands a text from outside (an SSE event id, a stored cursor); undefined if it is not a position. */
export const parsePosition = (text: string): Position | undefined =>
  readPosition(text) === undefined ? undefined : (text as Position);

/** The place before every line, in any log. */
export const origin: Position = positionAt(0, 0);

/** Orders two positions of one log: negative when `a` lies before `b`. */
export function comparePositions(a: Position, b: Position): number {
  const left = readPosition(a);
  const right = readPosition(b);
  if (left === undefined || right === undefined) throw new TypeError("not a position");
  return left.sequence - right.sequence || left.lines - right.lines;
}

/** True when both name the same place of the same log, as far as they tell. */
export function isSamePlace(a: Position, b: Position): boolean {
  const [left, right] = [readPosition(a), readPosition(b)];
  const agree = (key: "incarnation" | "mark") =>
    left?.[key] === undefined || right?.[key] === undefined || left[key] === right[key];
  return comparePositions(a, b) === 0 && agree("incarnation") && agree("mark");
}
