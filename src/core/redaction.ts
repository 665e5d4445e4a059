/**
 * What an owner wants out of the lines of a drain: named detectors and patterns of his own. What they find in a
 * message, or in structured data, is replaced by a mark. What patterns may cost a line has a bound, behind which the
 * rest of the line is redacted.
 */
import { isUtf8 } from "node:buffer";
import type { Form } from "./batch.ts";
import { type Detector, detectors, type Span } from "./detectors.ts";
import { LineCursor } from "./lines.ts";
import { charsMax, compilePattern, instructionsMax, type Pattern } from "./pattern.ts";
import { structuredDataEnd } from "./structured-data.ts";

export { type Detector, detectorNames } from "./detectors.ts";

export type RedactionSpec = {
  readonly detectors?: readonly Detector[];
  /** RE2 patterns. */
  readonly patterns?: readonly string[];
};

/** How often each thing was found. */
export type Redactions = Record<Detector | "pattern", number>;

/** Stretches of text to be replaced, in order, not touching each other's bytes. */
type Finder = { readonly name: Detector | "pattern"; find(text: string): readonly Span[] };
type Frames = { readonly bytes: Uint8Array; readonly count: number; readonly form: Form };

export const patternsMax = 10;

/** What is at the end of the part of a line that patterns are run over is redacted too: a find may go on behind it. */
const seamChars = 1_024;

/** Why the patterns cannot be used, or undefined. */
export function patternsFlaw(patterns: readonly string[]): string | undefined {
  let instructions = 0;
  for (const [index, pattern] of patterns.entries()) {
    const found = compilePattern(pattern);
    const flaw =
      typeof found === "string"
        ? found
        : found.compiled.matcher("").find()
          ? "it finds empty text"
          : undefined;
    if (typeof found === "string" || flaw !== undefined)
      return `pattern ${index + 1} cannot be used: ${flaw}`;
    instructions += found.instructions;
  }
  if (instructions <= instructionsMax) return undefined;
  return `its patterns together compile to ${instructions} instructions, and ${instructionsMax} are the most: use fewer, or smaller counts in braces`;
}

/** A function that redacts frames and counts what it found in `counts`; frames without a find are the same object. */
export function compileRedaction(
  spec: RedactionSpec,
): <F extends Frames>(frames: F, counts: Redactions) => F {
  const finders = [
    ...(spec.detectors ?? []).map((name) => ({ name, find: detectors[name] })),
    ...patternFinders(spec.patterns ?? []),
  ];
  return (frames, counts) => {
    const bytes = redactFrames(frames, finders, counts);
    return bytes === undefined ? frames : { ...frames, bytes };
  };
}

/** Nothing found yet. */
export const noRedactions = (): Redactions => ({ email: 0, card: 0, bearer: 0, ip: 0, pattern: 0 });

function redactFrames(
  frames: Frames,
  finders: readonly Finder[],
  counts: Redactions,
): Uint8Array | undefined {
  const bytes = Buffer.from(frames.bytes.buffer, frames.bytes.byteOffset, frames.bytes.length);
  const out: Uint8Array[] = [];
  let copied = 0;
  const line = new LineCursor().open(bytes, frames.form);
  while (line.next()) {
    const message = redactText(bytes.subarray(line.messageStart, line.end), finders, counts);
    const hasData = line.sdEnd - line.sdStart > 1;
    const data = hasData ? redactText(bytes.subarray(line.sdStart, line.sdEnd), finders, counts) : undefined;
    if (message === undefined && data === undefined) continue;
    const head = bytes.subarray(line.headStart, line.sdStart);
    const kept = bytes.subarray(line.sdStart, line.messageStart);
    const middle = data === undefined ? kept : structuredData(data);
    const rest = message ?? bytes.subarray(line.messageStart, line.end);
    const length = head.length + middle.length + rest.length;
    out.push(bytes.subarray(copied, line.start), Buffer.from(`${length} `), head, middle, rest);
    copied = line.end;
  }
  return copied === 0 ? undefined : Buffer.concat([...out, bytes.subarray(copied)]);
}

// A pattern may take the syntax along with what it finds: then nothing is left of the data.
function structuredData(redacted: Buffer): Buffer {
  const isWhole = structuredDataEnd(redacted, 0, redacted.length) === redacted.length;
  return isWhole ? Buffer.concat([redacted, Buffer.from(" ")]) : Buffer.from("- ");
}

// One character is one byte, so what is not touched stays as it is to the byte, UTF-8 or not.
function redactText(bytes: Buffer, finders: readonly Finder[], counts: Redactions): Buffer | undefined {
  let text = bytes.toString("latin1");
  let isChanged = false;
  for (const { name, find } of finders) {
    const spans = find(text);
    if (spans.length === 0) continue;
    isChanged = true;
    counts[name] += spans.length;
    text = replaced(text, spans, name === "pattern" ? "<redacted>" : `<redacted:${name}>`);
  }
  return isChanged ? Buffer.from(text, "latin1") : undefined;
}

function replaced(text: string, spans: readonly Span[], mark: string): string {
  let out = "";
  let at = 0;
  for (const { start, end } of spans) {
    out += text.slice(at, start) + mark;
    at = end;
  }
  return out + text.slice(at);
}

// The registry compiled them before it stored them.
function patternFinders(patterns: readonly string[]): Finder[] {
  const usable = patterns.map((pattern) => {
    const found = compilePattern(pattern);
    if (typeof found === "string") throw new Error(`a stored pattern is bad: ${found}`);
    return found;
  });
  const chars = charsMax(usable.reduce((sum, { instructions }) => sum + instructions, 0));
  return usable.map((pattern) => ({ name: "pattern", find: (text) => found(pattern, text, chars) }));
}

// Patterns see text as `match` of a filter does: without the newline behind it, and as UTF-8 where it is that. Their
// finds are brought back to bytes. Each search may cost all that is left of the line: from the find on that goes over
// `chars`, all is redacted.
function found({ compiled }: Pattern, latin1: string, chars: number): Span[] {
  const bytes = Buffer.from(latin1.endsWith("\n") ? latin1.slice(0, -1) : latin1, "latin1");
  const text = isUtf8(bytes) ? bytes.toString() : bytes.toString("latin1");
  const looked = text.length > chars ? text.slice(0, chars) : text;
  const restAt = looked === text ? text.length : seamOf(text, chars);
  const isPlain = text.length === bytes.length; // characters are bytes
  let passedChars = 0;
  let passedBytes = 0;
  const bytesTo = (char: number) => {
    if (isPlain) return char;
    passedBytes += Buffer.byteLength(text.slice(passedChars, char));
    passedChars = char;
    return passedBytes;
  };
  const spans: Span[] = [];
  const matcher = compiled.matcher(looked);
  let cost = looked.length;
  while (matcher.find()) {
    const [from, to] = [matcher.start(), matcher.end()];
    cost += looked.length - from;
    if (cost > chars || to > restAt) {
      spans.push({ start: bytesTo(Math.min(from, restAt)), end: bytes.length });
      return spans;
    }
    if (to > from) spans.push({ start: bytesTo(from), end: bytesTo(to) });
  }
  if (restAt < text.length) spans.push({ start: bytesTo(restAt), end: bytes.length });
  return spans;
}

// Not amid a character of two units.
function seamOf(text: string, chars: number): number {
  const at = Math.max(0, chars - seamChars);
  return at > 0 && text.codePointAt(at - 1)! > 0xffff ? at - 1 : at;
}
