/**
 * What an owner wants out of the lines of a drain: named detectors and patterns of his own. What they find in a
 * message, or in structured data, is replaced by a mark. Time is linear in the line: detectors look at bounded
 * stretches, patterns are RE2, and what a pattern may cost a line has a bound behind which the rest of it is redacted.
 */
import { isUtf8 } from "node:buffer";
import { isIPv6 } from "node:net";
import { RE2JS } from "re2js";
import type { Form } from "./batch.ts";
import { patternBytesMax } from "./line-filter.ts";
import { LineCursor } from "./lines.ts";
import { structuredDataEnd } from "./syslog.ts";

export const detectorNames = ["email", "card", "bearer", "ip"] as const;
export type Detector = (typeof detectorNames)[number];

export type RedactionSpec = {
  readonly detectors?: readonly Detector[];
  /** RE2 patterns. */
  readonly patterns?: readonly string[];
};

/** How often each thing was found. */
export type Redactions = Record<Detector | "pattern", number>;

/** Stretches of text to be replaced, in order, not touching each other's bytes. */
type Finder = { readonly name: Detector | "pattern"; find(text: string): readonly Span[] };
type Span = { readonly start: number; readonly end: number };
type Frames = { readonly bytes: Uint8Array; readonly count: number; readonly form: Form };

export const patternsMax = 10;

/** Characters that finding all matches of one pattern may cost a line, whose own length counts again for each match. */
const costMax = (length: number) => 16 * length + 8_192;

/** Why a pattern cannot be used, or undefined. */
export function patternFlaw(pattern: string): string | undefined {
  if (Buffer.byteLength(pattern) > patternBytesMax) return `it has more than ${patternBytesMax} bytes`;
  try {
    return RE2JS.compile(pattern).matcher("").find() ? "it finds empty text" : undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** A function that redacts frames and counts what it found in `counts`; frames without a find are the same object. */
export function compileRedaction(
  spec: RedactionSpec,
): <F extends Frames>(frames: F, counts: Redactions) => F {
  const finders = [
    ...(spec.detectors ?? []).map((name) => ({ name, find: detectors[name] })),
    ...(spec.patterns ?? []).map(patternFinder),
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

// Patterns see text as `match` of a filter does: without the newline behind it, and as UTF-8 where it is that. Their
// finds are brought back to bytes.
function patternFinder(pattern: string): Finder {
  const compiled = RE2JS.compile(pattern);
  return {
    name: "pattern",
    find(latin1) {
      const bytes = Buffer.from(latin1.endsWith("\n") ? latin1.slice(0, -1) : latin1, "latin1");
      const text = isUtf8(bytes) ? bytes.toString() : bytes.toString("latin1");
      const matcher = compiled.matcher(text);
      const spans: Span[] = [];
      let cost = text.length;
      let passedChars = 0;
      let passedBytes = 0;
      const bytesTo = (char: number) => {
        passedBytes += Buffer.byteLength(text.slice(passedChars, char));
        passedChars = char;
        return passedBytes;
      };
      const isPlain = text.length === bytes.length; // characters are bytes
      while (matcher.find()) {
        const [from, to] = [matcher.start(), matcher.end()];
        cost += text.length - from;
        if (to === from) continue;
        const isOver = cost > costMax(text.length);
        const start = isPlain ? from : bytesTo(from);
        const end = isOver ? bytes.length : isPlain ? to : bytesTo(to);
        spans.push({ start, end: Math.min(end, bytes.length) });
        if (isOver) break;
      }
      return spans;
    },
  };
}

const detectors: Readonly<Record<Detector, (text: string) => readonly Span[]>> = {
  email: (text) => (text.includes("@") ? spansOf(text, emailForm) : []),
  bearer: (text) =>
    [...spansOf(text, bearerForm, 1), ...spansOf(text, jwtForm)].sort(byStart).filter(isApart),
  ip: (text) =>
    [
      ...spansOf(text, ipv4Form),
      ...spansOf(text, ipv6Form).flatMap(({ start, end }) => ipv6In(text, start, end)),
    ]
      .sort(byStart)
      .filter(isApart),
  card: (text) => spansOf(text, cardForm).flatMap(({ start, end }) => cardIn(text, start, end)),
};

// Every repetition is bounded or cannot begin inside of itself, so that no text makes a search start over and over.
const emailForm = /[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}/g;
const bearerForm = /(?<![\w-])(bearer[ \t]{1,8})[\w.~+/=-]{8,}/gi;
const jwtForm = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{2,}\.[\w-]*/g;
const octet = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const ipv4Form = new RegExp(`(?<![\\w.])${octet}(?:\\.${octet}){3}(?![\\w]|\\.\\d)`, "g");
const ipv6Form = /(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,41}/g;
const cardForm = /(?<![\w.-])[2-6](?:[ -]?\d){12,18}/g;

// Without the characters of the first group, when `kept` names it.
function spansOf(text: string, form: RegExp, kept?: number): Span[] {
  return Array.from(text.matchAll(form), (match) => {
    const start = match.index + (kept === undefined ? 0 : match[kept]!.length);
    return { start, end: match.index + match[0].length };
  });
}

const byStart = (a: Span, b: Span): number => a.start - b.start;
const isApart = ({ start }: Span, at: number, spans: readonly Span[]): boolean =>
  at === 0 || spans[at - 1]!.end <= start;

function ipv6In(text: string, start: number, end: number): Span[] {
  let last = end;
  while (last > start && ".:".includes(text[last - 1]!) && !text.slice(start, last).endsWith("::")) last--;
  const isBare = !/[\w:]/.test(text[last] ?? "");
  return isBare && isIPv6(text.slice(start, last)) && last - start > 2 ? [{ start, end: last }] : [];
}

// The longest number of 13 to 19 digits from `start` on that ends where no digit follows and has the right checksum.
function cardIn(text: string, start: number, end: number): Span[] {
  for (let last = end; last - start >= 13; last--) {
    if (!isDigit(text[last - 1]) || isDigit(text[last])) continue;
    const digits = text.slice(start, last).replace(/\D/g, "");
    if (digits.length < 13) break;
    if (hasChecksum(digits)) return [{ start, end: last }];
  }
  return [];
}

const isDigit = (char: string | undefined): boolean => char !== undefined && char >= "0" && char <= "9";

/** Luhn's: ISO/IEC 7812-1. */
function hasChecksum(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}
