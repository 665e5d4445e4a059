/**
 * A position is a place in a channel between two lines. Only engines make sequences; everybody else passes
 * positions on, stores them and prints them.
 */

/** `SEQUENCE.LINES`: behind the first LINES lines of the batch at SEQUENCE. Both are whole numbers in base 10. */
export type Position = string & { readonly __brand: "position" };

const positionForm = /^(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,9})$/;

/** The place behind `lines` lines of the batch at `sequence`. */
export const positionAt = (sequence: number, lines: number): Position => `${sequence}.${lines}` as Position;

/** Reads what `positionAt` printed; undefined for any other text. */
export function readPosition(text: string): { sequence: number; lines: number } | undefined {
  const match = positionForm.exec(text);
  if (match === null) return undefined;
  const sequence = Number(match[1]);
  return Number.isSafeInteger(sequence) ? { sequence, lines: Number(match[2]) } : undefined;
}

/** Brands a text from outside (an SSE event id, a stored cursor); undefined when it is no position. */
export const parsePosition = (text: string): Position | undefined =>
  readPosition(text) === undefined ? undefined : (text as Position);

/** The place before every line that a channel ever had. */
export const origin: Position = positionAt(0, 0);

/** Orders two positions of one channel: negative when `a` lies before `b`. */
export function comparePositions(a: Position, b: Position): number {
  const left = readPosition(a);
  const right = readPosition(b);
  if (left === undefined || right === undefined) throw new TypeError("not a position");
  return left.sequence - right.sequence || left.lines - right.lines;
}
