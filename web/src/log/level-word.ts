/** A word for a line's level if its text has none, so that no level is shown only by a colour. */
import { gradeOf, levelOf } from "../../../src/core/message/level.ts";
import type { Line } from "./line.ts";
import { routerLineOf } from "./logfmt.ts";
import { messageOf } from "./message.ts";
import { withoutColours } from "./sgr.ts";

/** Undefined if the level is milder, or if the text of the row tells it. */
export function levelWordOf(line: Line): "ERROR" | "WARN" | undefined {
  const { level, source, dyno, message, timeMs } = line;
  if ((level !== "error" && level !== "warn") || line.isTrace || line.isNotice) return undefined;
  if (routerLineOf(source, dyno, message) !== undefined) return undefined; // its status says so
  const text = withoutColours(messageOf(message, timeMs)[0]?.text ?? "");
  if (gradeOf(levelOf(text, "debug")) === level) return undefined;
  return level === "error" ? "ERROR" : "WARN";
}
