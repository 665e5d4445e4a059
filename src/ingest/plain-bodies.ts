/**
 * Bodies of `POST /logs` that are no frames: lines of text, lines of JSON, and one JSON document, docs/spec/wire-in.md#w3-16.
 * They become frames, so that everything else is the same for them.
 */
import { levelInFields, levels } from "../core/level.ts";
import type { Steps } from "../core/steps.ts";
import { plainMalformed, processInvalid, tooManyFrames } from "../errors/ingest.ts";

export type PlainKind = "text" | "ndjson" | "json";

/** A body of JSON is parsed at one go: larger ones would hold everybody else up. */
export const jsonBytesMax = 2_000_000;

const kinds: Readonly<Record<string, PlainKind>> = {
  "text/plain": "text",
  "application/x-ndjson": "ndjson",
  "application/json": "json",
};

const local7 = 23 * 8;
const info = 6;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** A media type without its parameters. */
export const mediaTypeOf = (contentType = ""): string => contentType.split(";", 1)[0]!.trim().toLowerCase();

/** The kind of a body by its `Content-Type`; undefined for any other, frames among them. */
export const plainKindOf = (contentType: string | undefined): PlainKind | undefined =>
  kinds[mediaTypeOf(contentType)];

/** The `process` that the query of a URL names, for PROCID. Throws for what is no word. */
export function processIn(url = ""): string {
  const query = url.indexOf("?");
  const named = query === -1 ? [] : new URLSearchParams(url.slice(query + 1)).getAll("process");
  const [process = ""] = named;
  if (named.length > 1 || !/^([\x21-\x5c\x5e-\x7e]{1,128})?$/.test(process)) throw processInvalid();
  return process || "-";
}

/** The body as counted frames, `framesMax` at most, with a pause behind each. Throws for what is no JSON. */
export function* framesOfPlain(
  body: Buffer,
  kind: PlainKind,
  process: string,
  framesMax: number,
): Steps<Buffer> {
  const parts: Buffer[] = [];
  const put = (message: Buffer, severity: number | undefined) => {
    if (parts.length === 2 * framesMax) throw tooManyFrames(framesMax);
    const head = `<${local7 + (severity ?? info)}>1 - - - ${process} - - `;
    parts.push(Buffer.from(`${head.length + message.length} ${head}`), message);
  };
  if (kind === "json") {
    const document = parsed(body.toString(), "The body");
    for (const event of Array.isArray(document) ? document : [document]) {
      const text = typeof event === "string" ? event : JSON.stringify(event);
      put(Buffer.from(text), severityOf(text));
      yield;
    }
    return Buffer.concat(parts);
  }
  for (let at = 0, line = 1; at < body.length; line++) {
    const found = body.indexOf(newline, at);
    const next = found === -1 ? body.length : found;
    const message = body.subarray(at, next > at && body[next - 1] === carriageReturn ? next - 1 : next);
    at = next + 1;
    if (kind === "text") put(message, undefined);
    else {
      const text = message.toString();
      if (/\S/.test(text)) {
        parsed(text, `Line ${line}`);
        put(message, severityOf(text));
      }
    }
    yield;
  }
  return Buffer.concat(parts);
}

function severityOf(text: string): number | undefined {
  const level = levelInFields(text);
  return level && levels.indexOf(level);
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw plainMalformed(`${name} is no JSON.`);
  }
}
