/** The level of a stored line, and the time under which it is counted. */

import type { LineCursor } from "../batch/line-cursor.ts";
import { type Level, levelCharsMax, levelOf, levels } from "../message/level.ts";

/** The most bytes per UTF-16 code unit. */
const utf8BytesMax = 3;

/** The level of the line under the cursor: from its text, or else its severity. */
export function levelAt(line: LineCursor): Level {
  const { buffer, byteOffset } = line.bytes;
  const { messageStart, messageEnd } = line;
  const hasNewline = messageEnd > messageStart && line.bytes[messageEnd - 1] === 0x0a;
  const length = Math.min(messageEnd - messageStart - (hasNewline ? 1 : 0), utf8BytesMax * levelCharsMax);
  const text = Buffer.from(buffer, byteOffset + messageStart, length).toString();
  return levelOf(text, levels[line.pri & 7]!);
}

/** A sender's clock is believed within these bounds before and after the time of acceptance. */
const lateMsMax = 86_400_000;
const aheadMsMax = 60_000;

/** The line's own time if it is plausible, otherwise the time of acceptance. */
export function timeMsAt({ bytes, timeStart, timeEnd }: LineCursor, acceptedAtMs: number): number {
  const { buffer, byteOffset } = bytes;
  const text = Buffer.from(buffer, byteOffset + timeStart, timeEnd - timeStart).toString("latin1");
  const ownMs = Date.parse(text);
  return ownMs >= acceptedAtMs - lateMsMax && ownMs <= acceptedAtMs + aheadMsMax ? ownMs : acceptedAtMs;
}
