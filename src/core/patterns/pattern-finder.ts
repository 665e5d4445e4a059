/**
 * Finds the ranges of a line that an owner's patterns remove. The work of patterns per line is bounded; the rest of the
 * line, beyond that bound, counts as found.
 */
import { isUtf8 } from "node:buffer";
import type { Span } from "./detectors.ts";
import { type CompiledPatterns, charsMax, type Pattern } from "./pattern.ts";

/** This many characters at the end of the searched part also count as found, because a match may go on after it. */
const seamChars = 1_024;

/**
 * Finders over text with one character per byte. Patterns see the same text as a filter's `match`: decoded UTF-8,
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

// Turns matches into ranges of bytes. Each search may cost as much as the rest of the line; once the matches exceed
// `chars`, everything from the last one on counts as found.
function found(patterns: CompiledPatterns, pattern: string, latin1: string, chars: number): Span[] {
  const bytes = Buffer.from(latin1.endsWith("\n") ? latin1.slice(0, -1) : latin1, "latin1");
  const text = isUtf8(bytes) ? bytes.toString() : bytes.toString("latin1");
  const compiled = patterns.get(pattern);
  const looked = text.length > chars ? text.slice(0, chars) : text;
  const restAt = looked === text ? text.length : seamOf(text, chars);
  // Most lines have no match, and testing for one is much faster than finding where it is.
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

// Moves out of the middle of a surrogate pair.
function seamOf(text: string, chars: number): number {
  const at = Math.max(0, chars - seamChars);
  return at > 0 && text.codePointAt(at - 1)! > 0xffff ? at - 1 : at;
}
