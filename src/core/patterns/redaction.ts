/**
 * Redaction: named detectors and an owner's own patterns find parts of lines, which are replaced by a mark. Every part
 * of a line that a sender or an owner wrote is searched: source, process, MSGID, structured data, message.
 */
import type { Form } from "../batch/batch.ts";
import { LineCursor } from "../batch/line-cursor.ts";
import { structuredDataEnd } from "../wire/structured-data.ts";
import { type Detector, detectors, type Span } from "./detectors.ts";
import { CompiledPatterns, instructionsMax, type Pattern, readPattern } from "./pattern.ts";
import { patternFinders } from "./pattern-finder.ts";

export type RedactionSpec = {
  readonly detectors?: readonly Detector[];
  /** RE2 patterns. */
  readonly patterns?: readonly string[];
};

/** A spec with its patterns compiled, for this thread or another. */
export type Redaction = { readonly detectors: readonly Detector[]; readonly patterns: readonly Pattern[] };

/** How often each thing was found. */
export type Redactions = Record<Detector | "pattern", number>;

/** Ranges of text to replace, in order, without overlaps. */
type Finder = { readonly name: Detector | "pattern"; find(text: string): readonly Span[] };

/** A range and what is written in its place. */
type Marked = Span & { readonly by: string };

export const patternsMax = 10;

/** The most bytes of a frame's fields (RFC 5424 §6), since a mark may be longer than what it replaces. */
const fieldBytesMax = { source: 48, process: 128, msgid: 32 } as const;

const nil = 0x2d;
const space = Buffer.from(" ");
const mark = "<redacted>";

/** Why the patterns cannot be used, or undefined. */
export function patternsFlaw(patterns: readonly string[]): string | undefined {
  let instructions = 0;
  for (const [index, pattern] of patterns.entries()) {
    const found = readPattern(pattern);
    const flaw = typeof found === "string" ? found : findsNothing(found) ? "it finds empty text" : undefined;
    if (typeof found === "string" || flaw !== undefined)
      return `pattern ${index + 1} cannot be used: ${flaw}`;
    instructions += found.instructions;
  }
  if (instructions <= instructionsMax) return undefined;
  return `its patterns together compile to ${instructions} instructions, and ${instructionsMax} are the most: use fewer, or smaller counts in braces`;
}

/** A count of zero for everything. */
export const noRedactions = (): Redactions => ({ email: 0, card: 0, bearer: 0, ip: 0, pattern: 0 });

/** A spec with its patterns read. The registry checked them before it stored them. */
export function readRedaction({ detectors = [], patterns = [] }: RedactionSpec): Redaction {
  const read = patterns.map((pattern) => {
    const found = readPattern(pattern);
    if (typeof found === "string") throw new Error(`a stored pattern is bad: ${found}`);
    return found;
  });
  return { detectors, patterns: read };
}

/** Removes from lines what a spec names. */
export class Redactor {
  readonly #finders: readonly Finder[];
  readonly #line = new LineCursor();

  constructor(redaction: Redaction, compiled: CompiledPatterns) {
    this.#finders = [
      ...redaction.detectors.map((name) => ({ name, find: detectors[name] })),
      ...patternFinders(redaction.patterns, compiled).map((find) => ({ name: "pattern" as const, find })),
    ];
  }

  /**
   * Redacts frames one after another until `isOver`, at least one. The first `length` bytes of `frames` were searched
   * and became `bytes`; undefined if nothing was found. Adds to `counts`.
   */
  redact(
    frames: Uint8Array,
    form: Form,
    counts: Redactions,
    isOver: () => boolean = () => false,
  ): { readonly bytes: Uint8Array | undefined; readonly length: number } {
    const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.length);
    const out: Uint8Array[] = [];
    let copied = 0;
    const line = this.#line.open(bytes, form);
    while (line.next()) {
      const frame = this.#redacted(bytes, line, counts);
      if (frame !== undefined) {
        const length = frame.reduce((sum, part) => sum + part.length, 0);
        out.push(bytes.subarray(copied, line.start), Buffer.from(`${length} `), ...frame);
        copied = line.end;
      }
      if (isOver()) break;
    }
    if (out.length === 0) return { bytes: undefined, length: line.end };
    return { bytes: Buffer.concat([...out, bytes.subarray(copied, line.end)]), length: line.end };
  }

  // The parts of the frame after its length; undefined if nothing was found.
  #redacted(bytes: Buffer, line: LineCursor, counts: Redactions): readonly Uint8Array[] | undefined {
    const source = this.#field(bytes, line.sourceStart, line.sourceEnd, fieldBytesMax.source, counts);
    const process = this.#field(bytes, line.processStart, line.processEnd, fieldBytesMax.process, counts);
    const msgid = this.#field(bytes, line.msgidStart, line.msgidEnd, fieldBytesMax.msgid, counts);
    const data = this.#data(bytes, line, counts);
    const message = this.#text(bytes.subarray(line.messageStart, line.end), counts);
    if ((source ?? process ?? msgid ?? data ?? message) === undefined) return undefined;
    return [
      bytes.subarray(line.headStart, line.sourceStart),
      source ?? bytes.subarray(line.sourceStart, line.sourceEnd),
      space,
      process ?? bytes.subarray(line.processStart, line.processEnd),
      space,
      msgid ?? bytes.subarray(line.msgidStart, line.msgidEnd),
      space,
      data ?? bytes.subarray(line.sdStart, line.messageStart),
      message ?? bytes.subarray(line.messageStart, line.end),
    ];
  }

  #field(bytes: Buffer, start: number, end: number, bytesMax: number, counts: Redactions) {
    if (isNil(bytes, start, end)) return undefined;
    const redacted = this.#text(bytes.subarray(start, end), counts);
    return redacted !== undefined && redacted.length > bytesMax ? Buffer.from(mark) : redacted;
  }

  // Structured data and the space after it. If a pattern removes part of their syntax, nothing of them is left.
  #data(bytes: Buffer, { sdStart, sdEnd }: LineCursor, counts: Redactions): Buffer | undefined {
    if (sdEnd === sdStart || isNil(bytes, sdStart, sdEnd)) return undefined;
    const redacted = this.#text(bytes.subarray(sdStart, sdEnd), counts);
    if (redacted === undefined) return undefined;
    const isWhole = structuredDataEnd(redacted, 0, redacted.length) === redacted.length;
    return isWhole ? Buffer.concat([redacted, space]) : Buffer.from("- ");
  }

  // Each character is one byte, so everything else stays unchanged, whether or not it is UTF-8. All finders search the text
  // as it was written: in each other's marks ten patterns would find what makes a line a thousand times as long.
  #text(bytes: Buffer, counts: Redactions): Buffer | undefined {
    const text = bytes.toString("latin1");
    let marked: readonly Marked[] = [];
    for (const { name, find } of this.#finders) {
      const spans = find(text);
      if (spans.length === 0) continue;
      const by = name === "pattern" ? mark : `<redacted:${name}>`;
      const merged = merge(marked, spans, by);
      marked = merged.marked;
      counts[name] += merged.added;
    }
    return marked.length > 0 ? Buffer.from(replaced(text, marked), "latin1") : undefined;
  }
}

/** The frames without anything that senders wrote, for lines that could not be searched. */
export function blackout(frames: Uint8Array, form: Form): Uint8Array {
  const out: Uint8Array[] = [];
  const line = new LineCursor().open(frames, form);
  while (line.next()) {
    const head = frames.subarray(line.headStart, line.sourceEnd);
    const rest = Buffer.from(form === "rfc5424" ? ` ${mark} - - ${mark}\n` : ` ${mark} - ${mark}\n`);
    out.push(Buffer.from(`${head.length + rest.length} `), head, rest);
  }
  return Buffer.concat(out);
}

const isNil = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === 1 && bytes[start] === nil;

function findsNothing({ text, plain }: Pattern): boolean {
  return plain === undefined && new CompiledPatterns(1).get(text).test("");
}

function replaced(text: string, marked: readonly Marked[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, by } of marked) {
    out += text.slice(at, start) + by;
    at = end;
  }
  return out + text.slice(at);
}

/**
 * The ranges of both lists, which are in order. Those that overlap become one, with the mark of `before` if it has a part
 * in it. `added`: how many of `spans` are not inside of one before.
 */
function merge(
  before: readonly Marked[],
  spans: readonly Span[],
  by: string,
): { readonly marked: readonly Marked[]; readonly added: number } {
  const marked: { start: number; end: number; by: string }[] = [];
  let added = 0;
  for (let b = 0, s = 0; b < before.length || s < spans.length; ) {
    const isBefore = s >= spans.length || (b < before.length && before[b]!.start <= spans[s]!.start);
    const next = isBefore ? before[b++]! : { ...spans[s++]!, by };
    const last = marked.at(-1);
    const overlaps = last !== undefined && next.start < last.end;
    if (!isBefore && !(overlaps && next.end <= last.end)) added++;
    if (!overlaps) {
      marked.push({ ...next });
      continue;
    }
    last.end = Math.max(last.end, next.end);
    if (isBefore) last.by = next.by;
  }
  return { marked, added };
}
