/** A line for people, from the JSON that the server sends. */
import { type Level, levelOf, levels } from "../../src/core/message/level.ts";
import { oneLine } from "../../src/core/terminal/terminal-text.ts";

export type ShownLine = {
  readonly app: string;
  /** The place after the line. */
  readonly position: string;
  /** As stored: RFC 3339. */
  readonly time: string;
  readonly source: string;
  readonly dyno: string;
  /** As it was sent. */
  readonly severity: Level;
  /** The level that it names, or else its severity. */
  readonly level: Level;
  readonly message: string;
};

/** Reads a line of the format `json`. Anything else is shown as it came. Of its texts, the message alone has rows. */
export function readShownLine(app: string, data: string): ShownLine {
  const read: Partial<Record<keyof ShownLine, unknown>> = fieldsOf(data);
  const raw = (key: keyof ShownLine): string => (typeof read[key] === "string" ? read[key] : "");
  const text = (key: keyof ShownLine): string => oneLine(raw(key));
  const severity = levels.find((level) => level === read.severity) ?? "info";
  const message = raw("message");
  return {
    app,
    position: text("position"),
    time: text("time"),
    source: text("source"),
    dyno: text("dyno"),
    severity,
    level: levelOf(message, severity),
    message,
  };
}

/** The fields of a line of the format `json`; what is no JSON is its message. */
export function fieldsOf(data: string): object {
  try {
    return Object(JSON.parse(data));
  } catch {
    return { message: data };
  }
}

/** Identifies the process of a line among all apps: its lines are one stream. */
export const processOf = ({ app, source, dyno }: ShownLine): string => `${app} ${source} ${dyno}`;

/** The rows of a text: CR, LF and CRLF each end one, as in every form (docs/spec/sessions.md#s4-2). */
export const rowsIn = (text: string): string[] => text.split(/\r\n|\n|\r/);
