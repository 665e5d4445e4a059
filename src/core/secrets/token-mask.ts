/**
 * Hides tokens where they must not be read. A token is `t.UUID` (`newToken`), and anybody who reads one may write to an
 * app. A misconfigured sender puts its token into a field that is shown, so everything that is stored or said about a
 * frame goes through here.
 */

const dot = 0x2e;
const dash = 0x2d;
const letterT = 0x74;
const asterisk = 0x2a;
const uuidBytes = 36;

/** `t.` and a UUID. */
export const tokenBytes = 2 + uuidBytes;

/** The second spelling, for senders that allow 32 letters, digits and `_`: `t` and the 31 random digits of a UUID. */
export const shortTokenBytes = 32;

/**
 * A token that was cut or damaged is hidden if at least this many characters are left, because the rest could be
 * guessed: after `t.`, and at the end of the line.
 */
const partBytesMin = 32;
const cutBytesMin = 4;
/**
 * The same for the second spelling, which has no dot that distinguishes it from a word: digits after its `t`, and at
 * the end of the line.
 */
const shortPartBytesMin = 27;
const shortCutBytesMin = 15;

/** The bytes in UUIDs: hexadecimal digits and dashes. */
const isUuidByte = new Uint8Array(256);
for (const character of "0123456789abcdefABCDEF-") isUuidByte[character.charCodeAt(0)] = 1;
/** Bytes that belong to words: a token directly after one of them is not a word of its own. */
const isWordByte = new Uint8Array(256);
for (const character of "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.")
  isWordByte[character.charCodeAt(0)] = 1;

/** True if [start, end) has the form of a token. */
export const isTokenAt = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === tokenBytes &&
  bytes[start] === letterT &&
  bytes[start + 1] === dot &&
  isUuidAt(bytes, start + 2);

/** True if [start, end) has the form of a token in its second spelling. */
export const isShortTokenAt = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === shortTokenBytes && bytes[start] === letterT && digitsEnd(bytes, start + 1, end) === end;

/** A token in either spelling. */
export function isTokenText(text: string): boolean {
  const bytes = Buffer.from(text, "latin1");
  return isTokenAt(bytes, 0, bytes.length) || isShortTokenAt(bytes, 0, bytes.length);
}

/**
 * The second spelling of `t.UUID`; undefined if the UUID is not of version 4, because then not all the digits are
 * random.
 */
export function shortTokenOf(token: string): string | undefined {
  const digits = token.slice(2).replaceAll("-", "");
  return digits.length === 32 && digits[12] === "4"
    ? `t${digits.slice(0, 12)}${digits.slice(13)}`
    : undefined;
}

/** `t.UUID` for a second spelling; any other text unchanged. */
export function tokenOfSpelling(text: string): string {
  const found = /^t([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{3})([0-9a-f]{4})([0-9a-f]{12})$/.exec(text);
  return found === null ? text : `t.${found[1]}-${found[2]}-4${found[3]}-${found[4]}-${found[5]}`;
}

/**
 * The distance between two inspected bytes: every part of a UUID or a second spelling that counts contains an inspected
 * byte with its three predecessors.
 */
const strideBytes = shortPartBytesMin - 3;

/**
 * Writes `*` over every token in [start, end), which is one line: over tokens that are words of their own, and over
 * `own` anywhere; also over large parts of a token, the beginning of one that the end has cut, and one in capitals,
 * which anybody can convert back. A UUID after another word, as in `client.UUID`, is somebody's id and stays. Inspects
 * four bytes of every 24, which no token evades; hardly any other text has hexadecimal digits in all four.
 */
export function maskTokens(bytes: Uint8Array, start: number, end: number, own?: string): void {
  for (let at = start + strideBytes + 2; at < end; at += strideBytes) {
    if (isUuidByte[bytes[at]!] === 0 || isUuidByte[bytes[at - 1]!] === 0) continue;
    if (isUuidByte[bytes[at - 2]!] === 0 || isUuidByte[bytes[at - 3]!] === 0) continue;
    maskAround(bytes, start, end, at, partBytesMin, own);
  }
  if (end > start && isUuidByte[bytes[end - 1]!] === 1)
    maskAround(bytes, start, end, end - 1, cutBytesMin, own);
}

// Masks the word after `t.` that contains the byte at `at`, if it has at least `bytesMin` bytes.
function maskAround(
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
  bytesMin: number,
  own: string | undefined,
): void {
  const first = Math.max(start + 1, at - uuidBytes + 1);
  let from = at;
  while (from > first && isUuidByte[bytes[from - 1]!] === 1) from--;
  if (from > start && lowerCase(bytes[from - 1]!) === letterT) maskShort(bytes, start, end, from, own);
  if (from - 2 < start || bytes[from - 1] !== dot || lowerCase(bytes[from - 2]!) !== letterT) return;
  let to = at + 1;
  while (to < end && isUuidByte[bytes[to]!] === 1) to++;
  if (to - from < bytesMin) return;
  const isWord = from - 3 < start || isWordByte[bytes[from - 3]!] === 0;
  if (isWord || (own !== undefined && isText(bytes, from - 2, Math.min(to - from, uuidBytes) + 2, own)))
    for (let i = from; i < to; i++) if (bytes[i] !== dash) bytes[i] = asterisk;
}

// Masks the second spelling whose digits begin at `from`, even if the end has cut it.
function maskShort(
  bytes: Uint8Array,
  start: number,
  end: number,
  from: number,
  own: string | undefined,
): void {
  const to = digitsEnd(bytes, from, end);
  const digits = to - from;
  if (digits < (to < end ? shortPartBytesMin : shortCutBytesMin)) return;
  const isWord = from - 2 < start || isWordByte[bytes[from - 2]!] === 0;
  const short = isWord ? undefined : own && shortTokenOf(own);
  if (isWord || (short && isText(bytes, from - 1, Math.min(digits + 1, shortTokenBytes), short)))
    bytes.fill(asterisk, from, to);
}

/** The place after the hexadecimal digits at `at`. */
function digitsEnd(bytes: Uint8Array, at: number, end: number): number {
  let to = at;
  while (to < end && bytes[to] !== dash && isUuidByte[bytes[to]!] === 1) to++;
  return to;
}

function isUuidAt(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < uuidBytes; i++) {
    const isDash = i === 8 || i === 13 || i === 18 || i === 23;
    const byte = bytes[at + i]!;
    if (isDash ? byte !== dash : byte === dash || isUuidByte[byte] !== 1) return false;
  }
  return true;
}

function isText(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  for (let i = 0; i < length; i++) if (lowerCase(bytes[at + i]!) !== text.charCodeAt(i)) return false;
  return true;
}

/** Lower case, for the bytes in tokens; of all other bytes, only control characters become one of them. */
const lowerCase = (byte: number): number => byte | 0x20;
