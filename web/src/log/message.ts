/** A message in its most readable form for one row: JSON and logfmt as message and fields, a long one cut. */
import { readFields } from "../../../src/core/message/message-fields.ts";
import { repeatsTime } from "../../../src/core/message/own-time.ts";

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "quiet"; readonly text: string };

/** How many characters of a message a row shows; all of it is one click away. */
const rowCharsMax = 4_000;
/** A longer message is not parsed as JSON for a row. */
const jsonCharsMax = 8_000;
const fieldsMax = 6;
const valueCharsMax = 60;
const messageNames = ["message", "msg", "event", "text"];
const quietNames = new Set(["level", "severity", "hostname", "pid", "v"]);

/** `timeMs`: that of the line, which its row shows. */
export function messageOf(message: string, timeMs: number): readonly Piece[] {
  const object = objectIn(message);
  const pieces = object === undefined ? logfmtPieces(message, timeMs) : piecesOf(object, timeMs);
  if (pieces.length > 0) return pieces;
  if (message.length <= rowCharsMax) return [{ kind: "text", text: message }];
  return [
    { kind: "text", text: message.slice(0, rowCharsMax) },
    { kind: "quiet", text: ` … ${message.length - rowCharsMax} characters more` },
  ];
}

/** The object if the whole message is one, in JSON. */
export function objectIn(message: string): Readonly<Record<string, unknown>> | undefined {
  if (message[0] !== "{" || message.length > jsonCharsMax) return undefined;
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

// Splitting the message would cut off its colours.
function logfmtPieces(message: string, timeMs: number): readonly Piece[] {
  if (message.length > jsonCharsMax || message.includes("\x1b")) return [];
  const read = readFields(message);
  if (read?.kind !== "logfmt") return [];
  const fields = Object.fromEntries(read.fields);
  return piecesOf(read.message === undefined ? fields : { ...fields, message: read.message }, timeMs);
}

function piecesOf(object: Readonly<Record<string, unknown>>, timeMs: number): readonly Piece[] {
  const name = messageNames.find((one) => typeof object[one] === "string");
  const fields = Object.entries(object).filter(
    ([key, value]) => key !== name && !quietNames.has(key) && !repeatsTime(key, value, timeMs),
  );
  const pieces: Piece[] = name === undefined ? [] : [{ kind: "text", text: object[name] as string }];
  for (const [key, value] of fields.slice(0, fieldsMax)) {
    pieces.push({ kind: "name", text: `${pieces.length > 0 ? "  " : ""}${key}=` });
    pieces.push({ kind: "text", text: shownValue(value) });
  }
  const more = fields.length - fieldsMax;
  if (more > 0) pieces.push({ kind: "quiet", text: `  +${more} ${more === 1 ? "field" : "fields"}` });
  return pieces;
}

function shownValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}…`;
}
