/** The word of a line's level, where its text does not say it: no level is told by a colour alone. */
import { gradeOf, levelOf } from "../../../src/core/message/level.ts";
import type { Line } from "./line.ts";
import { routerLineOf } from "./logfmt.ts";
import { messageOf } from "./message.ts";
import { withoutColours } from "./sgr.ts";

/** Undefined where the level is milder, or where the text that the row shows tells it. */
export function levelWordOf(line: Line): "ERROR" | "WARN" | undefined {
  const { level, source, dyno, message } = line;
  if ((level !== "error" && level !== "warn") || line.isTrace || line.isNotice) return undefined;
  if (routerLineOf(source, dyno, message) !== undefined) return undefined; // its status says so
  const text = withoutColours(messageOf(message)[0]?.text ?? "");
  if (gradeOf(levelOf(text, "debug")) === level) return undefined;
  return level === "error" ? "ERROR" : "WARN";
}
