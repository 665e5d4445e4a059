/**
 * The named detectors of a redaction. They read a line as latin1, one character for each byte, in linear time: each
 * searches for the characters that every match must have, and looks at a bounded range around them. They err on the
 * side of finding too much.
 */
import { isIPv6 } from "node:net";

export const detectorNames = ["email", "card", "bearer", "ip"] as const;
export type Detector = (typeof detectorNames)[number];

/** The half-open range [start, end) of a text. */
export type Span = { readonly start: number; readonly end: number };

/** Each returns what it finds in order, without overlaps. */
export const detectors: Readonly<Record<Detector, (text: string) => readonly Span[]>> = {
  email: (text) => united(emails(text)),
  card: (text) => united(cards(text)),
  bearer: (text) => united([...bearers(text), ...jsonWebTokens(text)]),
  ip: (text) => united([...spansOf(text, ipv4Form), ...ipv6s(text)]),
};

function united(spans: readonly Span[]): readonly Span[] {
  if (spans.length < 2) return spans;
  const out: { start: number; end: number }[] = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = out.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else out.push({ start, end });
  }
  return out;
}

function spansOf(text: string, form: RegExp): Span[] {
  const spans: Span[] = [];
  form.lastIndex = 0;
  for (let match = form.exec(text); match !== null; match = form.exec(text)) {
    spans.push({ start: match.index, end: form.lastIndex });
  }
  return spans;
}

// Reads the part in front of the @ backwards. Bytes of UTF-8 count as letters.
const emailForm =
  /(?:@|%40)(?<=([A-Za-z0-9._%+\x80-\xff-]{1,64})(?:@|%40))(?:[A-Za-z0-9\x80-\xff-]{1,63}\.){1,8}(?:xn--[A-Za-z0-9-]{1,59}|[A-Za-z\x80-\xff]{2,63})/g;

function emails(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.includes("@") && !text.includes("%40")) return spans;
  emailForm.lastIndex = 0;
  for (let match = emailForm.exec(text); match !== null; match = emailForm.exec(text)) {
    let start = match.index - match[1]!.length;
    let end = emailForm.lastIndex;
    // The bound may have cut a multi-byte character.
    for (let i = 0; i < 3 && isContinuation(text, start); i++) start--;
    for (let i = 0; i < 3 && isContinuation(text, end); i++) end++;
    spans.push({ start: Math.max(0, start), end });
  }
  return spans;
}

const isContinuation = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xc0) === 0x80;

const bearerForm = /bearer(?:[_-]?token)?(?:[ \t+:="'\\]|%[0-9a-f]{2}){1,8}([\w.~+/=%-]{8,})/gi;

/**
 * The search continues this many characters before a token's end, because the token may end in the word that announces
 * the next.
 */
const bearerWordChars = "bearer_token".length;

function bearers(text: string): Span[] {
  const spans: Span[] = [];
  bearerForm.lastIndex = 0;
  for (let match = bearerForm.exec(text); match !== null; match = bearerForm.exec(text)) {
    const end = bearerForm.lastIndex;
    const start = end - match[1]!.length;
    spans.push({ start, end });
    bearerForm.lastIndex = Math.max(start, end - bearerWordChars);
  }
  return spans;
}

// A run of these characters is matched from its first possible start: if no dot follows the run, none follows for a
// later start.
const jwtHeadForm = /(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))eyJ[\w-]{8,}/g;
const jwtRestForm = /\.[\w-]{2,}\.[\w-]*/y;

function jsonWebTokens(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.includes("eyJ")) return spans;
  for (const { start, end } of spansOf(text, jwtHeadForm)) {
    jwtRestForm.lastIndex = end;
    if (jwtRestForm.test(text)) spans.push({ start, end: jwtRestForm.lastIndex });
  }
  return spans;
}

// A letter may touch an address; a digit, or a dot and a digit, make it part of another number.
const octet = "(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)";
const ipv4Form = new RegExp(
  `(?:(?<!\\d|\\d\\.)|(?<=%[0-9A-Fa-f]{2}))${octet}(?:\\.${octet}){3}(?!\\.?\\d)`,
  "g",
);

const ipv6CharsMax = 45;
/** An address has at most nine pieces; a time in front of it and a port after it add three. */
const ipv6PiecesMax = 12;

// Finds runs of hex digits, colons and dots. A run with neither two adjacent colons nor seven colons has no address in
// it.
function ipv6s(text: string): Span[] {
  const spans: Span[] = [];
  for (let colon = text.indexOf(":"); colon !== -1; ) {
    let start = colon;
    let end = colon + 1;
    let colons = 1;
    let hasPair = false;
    while (start > 0 && isHexOrDot(text.charCodeAt(start - 1))) start--;
    for (; ; end++) {
      const code = text.charCodeAt(end);
      if (code === 0x3a) {
        colons++;
        hasPair ||= text.charCodeAt(end - 1) === 0x3a;
      } else if (!isHexOrDot(code)) break;
    }
    if (hasPair || colons >= 7) spans.push(...ipv6In(text, start, end));
    colon = text.indexOf(":", end);
  }
  return spans;
}

// Takes the run without the words and punctuation that touch it, if that is an address; otherwise the addresses in its
// parts.
function ipv6In(text: string, runStart: number, runEnd: number): Span[] {
  let start = runStart;
  let end = runEnd;
  if (text[start - 1] === "%" && isHexOrDot(text.charCodeAt(start + 1)))
    start += 2; // the end of a URL escape
  else if (isLetterOrDigit(text[start - 1]) && !":.".includes(text[start]!)) {
    while (start < end && text[start] !== ":") start++;
    while (start < end && text[start] === ":") start++;
  }
  if (isLetterOrDigit(text[end]) && !":.".includes(text[end - 1]!)) {
    while (end > start && text[end - 1] !== ":") end--;
    while (end > start && text[end - 1] === ":") end--;
  }
  const isOpenAt = (at: number) => text[at] === "." || (text[at] === ":" && text[at + 1] !== ":");
  const isOpenBefore = (at: number) =>
    text[at - 1] === "." || (text[at - 1] === ":" && (text[at - 2] !== ":" || text[at - 3] === ":"));
  while (start < end && isOpenAt(start)) start++;
  while (start < end && isOpenBefore(end)) end--;
  if (isIPv6Of(text, start, end)) return [{ start, end }];
  const edges = edgesIn(text, start, end);
  return edges.length > ipv6PiecesMax + 1 ? [] : ipv6Parts(text, edges);
}

// The starts of the pieces, and then the end of the last. A piece begins after a colon or dot.
function edgesIn(text: string, start: number, end: number): number[] {
  const edges = [start];
  for (let at = start + 1; at < end && edges.length <= ipv6PiecesMax; at++) {
    if (":.".includes(text[at - 1]!) && !":.".includes(text[at]!)) edges.push(at);
  }
  edges.push(end + 1);
  return edges;
}

// A single colon or dot separates an address from its neighbours, so a part after two of them is not one.
function ipv6Parts(text: string, edges: readonly number[]): Span[] {
  const spans: Span[] = [];
  for (let from = 0; from < edges.length - 1; from++) {
    const start = edges[from]!;
    if (text.startsWith("::", start - 2)) continue;
    for (let to = edges.length - 1; to > from; to--) {
      const end = edges[to]! - 1;
      if (text[end - 1] === ":" || !isIPv6Of(text, start, end)) continue;
      spans.push({ start, end });
      from = to - 1;
      break;
    }
  }
  return spans;
}

const isIPv6Of = (text: string, start: number, end: number): boolean =>
  end - start > 2 && end - start <= ipv6CharsMax && isIPv6(text.slice(start, end));

const isHexOrDot = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x46) ||
  (code >= 0x61 && code <= 0x66) ||
  code === 0x2e;

const isLetterOrDigit = (char: string | undefined): boolean => char !== undefined && /[A-Za-z0-9]/.test(char);

// Finds digits with at most one separator between them, which may be escaped as in a URL.
const cardForm = /\d(?:(?:[ .+-]|%20)?\d){12}/g;
const cardDigitsMin = 13;
const cardDigitsMax = 19;

function cards(text: string): Span[] {
  const spans: Span[] = [];
  cardForm.lastIndex = 0;
  for (let match = cardForm.exec(text); match !== null; match = cardForm.exec(text)) {
    let at = match.index;
    for (; isDigit(text, at); at = nextDigit(text, at)) {
      if (!isCardStart(text, at)) continue;
      const end = cardEnd(text, at);
      if (end !== undefined && !isInUuid(text, at, end)) spans.push({ start: at, end });
    }
    cardForm.lastIndex = at;
  }
  return spans;
}

/** The place of the next digit of the run; after its last digit, the end of the run. */
function nextDigit(text: string, at: number): number {
  const next = at + 1;
  const code = text.charCodeAt(next);
  if (code >= 0x30 && code <= 0x39) return next;
  if (!isSeparator(code)) return next;
  const after = code !== 0x25 ? next + 1 : text.startsWith("%20", next) ? next + 3 : next;
  return isDigit(text, after) ? after : next;
}

// True for a space, `+`, `-`, `.`, and for the `%` of a space in a URL.
const isSeparator = (code: number): boolean =>
  code === 0x20 || code === 0x2b || code === 0x2d || code === 0x2e || code === 0x25;

// True for the first digit of a group if payment cards begin with it (ISO/IEC 7812-1). The digits of a URL escape
// belong to no group.
function isCardStart(text: string, at: number): boolean {
  const digit = text.charCodeAt(at) - 0x30;
  if (digit < 2 || digit > 6) return false;
  return !isDigit(text, at - 1) || (text[at - 3] === "%" && /^[0-9A-Fa-f]{2}$/.test(text.slice(at - 2, at)));
}

// The end of the longest number of 13 to 19 digits from `start` that ends with a group and has a valid checksum
// (Luhn's). The total number of digits determines which of them count twice, so there are two sums.
function cardEnd(text: string, start: number): number | undefined {
  let found: number | undefined;
  let evens = 0; // the first digit doubled, the third …
  let odds = 0;
  let at = start;
  for (let digits = 1; digits <= cardDigitsMax; digits++) {
    const digit = text.charCodeAt(at) - 0x30;
    const doubled = digit > 4 ? digit * 2 - 9 : digit * 2;
    evens += digits % 2 === 1 ? doubled : digit;
    odds += digits % 2 === 1 ? digit : doubled;
    const isWhole = digits >= cardDigitsMin && !isDigit(text, at + 1);
    if (isWhole && (digits % 2 === 0 ? evens : odds) % 10 === 0) found = at + 1;
    at = nextDigit(text, at);
    if (!isDigit(text, at)) break;
  }
  return found;
}

const uuidChars = 36;
const uuidForm = /(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])/g;

function isInUuid(text: string, start: number, end: number): boolean {
  const from = Math.max(0, end - uuidChars - 1);
  const around = text.slice(from, start + uuidChars + 1);
  return spansOf(around, uuidForm).some((uuid) => from + uuid.start <= start && from + uuid.end >= end);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}
