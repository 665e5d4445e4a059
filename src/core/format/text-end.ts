/** The end of the text of a message. */
import type { LineCursor } from "../batch/line-cursor.ts";

const newline = 0x0a;
const carriageReturn = 0x0d;

/** The end of a line's message, without the line break that most senders add. */
export function textEnd(
  bytes: Uint8Array,
  { messageStart, end }: Pick<LineCursor, "messageStart" | "end">,
): number {
  if (end === messageStart || bytes[end - 1] !== newline) return end;
  return end - 1 > messageStart && bytes[end - 2] === carriageReturn ? end - 2 : end - 1;
}
