/**
 * Bodies of `POST /logs` without frames: lines of text, lines of JSON, or one JSON document,
 * docs/spec/wire-in.md#w3-16. They are turned into frames, so that everything after this treats them alike.
 */

import type { Steps } from "../../core/scheduling/steps.ts";
import { eachElement } from "../../core/wire/json-elements.ts";
import { processInvalid } from "../../errors/ingest.ts";
import { notJson, type PlainFrames } from "./plain-frames.ts";

export type PlainKind = "text" | "ndjson" | "json";

/** Bound for a JSON document, whose values take far more memory than its text. */
export const jsonBytesMax = 2_000_000;

const kinds: Readonly<Record<string, PlainKind>> = {
  "text/plain": "text",
  "application/x-ndjson": "ndjson",
  "application/json": "json",
};

const newline = 0x0a;
const comma = 0x2c;
/** Counting pauses after this many searches, which take a tenth of a millisecond. */
const searchesEach = 1024;
const carriageReturn = 0x0d;

/** A media type without its parameters. */
export const mediaTypeOf = (contentType = ""): string => contentType.split(";", 1)[0]!.trim().toLowerCase();

/** The kind of a body by its `Content-Type`; undefined for frames and any other type. */
export const plainKindOf = (contentType: string | undefined): PlainKind | undefined =>
  kinds[mediaTypeOf(contentType)];

/** The `process` parameter of a URL's query, for PROCID. Throws if it is not one word. */
export function processIn(url = ""): string {
  const query = url.indexOf("?");
  const named = query === -1 ? [] : new URLSearchParams(url.slice(query + 1)).getAll("process");
  const [process = ""] = named;
  if (named.length > 1 || !/^([\x21-\x5c\x5e-\x7e]{1,128})?$/.test(process)) throw processInvalid();
  return process || "-";
}

/** Adds the lines of the body, pausing after each. Throws for malformed JSON. `framesMax`: the most that `frames` takes. */
export function* addPlain(
  frames: PlainFrames,
  body: Buffer,
  kind: PlainKind,
  framesMax: number,
): Steps<void> {
  frames.expect(1 + (yield* count(body, kind === "json" ? comma : newline, framesMax)), body.length);
  if (kind === "json") {
    const isWhole = yield* eachElement(body, (start, end) => frames.addValue(body.subarray(start, end)));
    if (!isWhole) throw notJson("The body");
    return;
  }
  for (let at = 0, line = 1; at < body.length; line++) {
    const found = body.indexOf(newline, at);
    const next = found === -1 ? body.length : found;
    const message = body.subarray(at, next > at && body[next - 1] === carriageReturn ? next - 1 : next);
    at = next + 1;
    if (kind === "text") frames.add(message);
    else frames.addJson(message, line);
    yield;
  }
}

// Counts a byte, up to `most`. The search is the engine's, so that what has no such byte costs next to nothing.
function* count(bytes: Buffer, byte: number, most: number): Steps<number> {
  let found = 0;
  for (let at = bytes.indexOf(byte); at !== -1 && found < most; at = bytes.indexOf(byte, at + 1))
    if (++found % searchesEach === 0) yield;
  return found;
}
