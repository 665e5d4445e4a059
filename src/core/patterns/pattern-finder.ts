/**
 * Finds the ranges of a line that an owner's patterns remove. The work of patterns on a line is bounded; the rest of
 * the line, beyond that bound, counts as found.
 */
import { isUtf8 } from "node:buffer";
import type { Span } from "./detectors.ts";
import { type CompiledPatterns, charsMax, type Pattern } from "./pattern.ts";

/** Characters at the end of the part that patterns are run over count as found too: a find may go on behind it. */
const seamChars = 1_024;

/**
 * Finders over text with a character for each byte. Patterns see the same as `match` of a filter: UTF-8 decoded,
 * without the newline at the end.
 */
export function patternFinders(
  patterns: readonly Pattern[],
  compiled: CompiledPatterns,
): ((latin1: string) => readonly Span[])[] {
  const chars = charsMax(patterns.reduce((sum, { instructions }) => sum + instructions, 0) || 1);
  return patterns.map(({ text, plain }) => {
    if (plain === undefined) return (latin1) => found(compiled, text, latin1, chars);
    const wanted = Buffer.from(plain).toString("latin1");
    return (latin1) => plainSpans(wanted, latin1);
  });
}

function plainSpans(wanted: string, latin1: string): Span[] {
  const spans: Span[] = [];
  for (let at = latin1.indexOf(wanted); at !== -1; at = latin1.indexOf(wanted, at + wanted.length)) {
    spans.push({ start: at, end: at + wanted.length });
  }
  return spans;
}

// Turns finds into ranges of bytes. A search may cost all that is left of the line; when the finds go over `chars`,
// everything from the last one on is found.
function found(patterns: CompiledPatterns, pattern: string, latin1: string, chars: number): Span[] {
  const bytes = Buffer.from(latin1.endsWith("\n") ? latin1.slice(0, -1) : latin1, "latin1");
  const text = isUtf8(bytes) ? bytes.toString() : bytes.toString("latin1");
  const compiled = patterns.get(pattern);
  const looked = text.length > chars ? text.slice(0, chars) : text;
  const restAt = looked === text ? text.length : seamOf(text, chars);
  // Most lines hold nothing, and whether is found out much faster than where.
  if (restAt === text.length && !compiled.test(looked)) return [];
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

// Moves out of a character of two units.
function seamOf(text: string, chars: number): number {
  const at = Math.max(0, chars - seamChars);
  return at > 0 && text.codePointAt(at - 1)! > 0xffff ? at - 1 : at;
}
