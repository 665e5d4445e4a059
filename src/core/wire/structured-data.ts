/**
 * Structured data, RFC 5424 §6.3: `[ID NAME="VALUE" …]`, one element after another. Brackets that are not well-formed
 * are text, and so is `[GIN]`: apps begin lines with a word in brackets far more often than senders write an element
 * without parameters, and text that disappears is the worse mistake.
 */

const space = 0x20;
const quote = 0x22;
const equals = 0x3d;
const opening = 0x5b;
const backslash = 0x5c;
const closing = 0x5d;
const none = -1;
const nameBytesMax = 32;

/**
 * The place after the last element at `at`, or -1 if the brackets are text. The first element must have a parameter.
 */
export function structuredDataEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] === opening) {
    const elementEnd = scanElement(bytes, i, end, i === at);
    if (elementEnd === none) return none;
    i = elementEnd;
  }
  return i > at && (i === end || bytes[i] === space) ? i : none;
}

/** An element that names a token, with its place and that of the parameter's value. */
type TokenElement = {
  readonly start: number;
  readonly end: number;
  readonly valueStart: number;
  readonly valueEnd: number;
};

const tokenParameter = Buffer.from(' token="');

/** The first element with a parameter `token` in [start, end), which is well-formed. */
export function tokenElement(bytes: Uint8Array, start: number, end: number): TokenElement | undefined {
  for (let at = start; at < end; ) {
    const elementEnd = scanElement(bytes, at, end, false);
    if (elementEnd === none) return undefined;
    // No value has a quote without a backslash before it, so this is a parameter.
    const found = Buffer.from(bytes.buffer, bytes.byteOffset + at, elementEnd - at).indexOf(tokenParameter);
    if (found !== -1) {
      const valueStart = at + found + tokenParameter.length;
      return { start: at, end: elementEnd, valueStart, valueEnd: bytes.indexOf(quote, valueStart) };
    }
    at = elementEnd;
  }
  return undefined;
}

function scanElement(bytes: Uint8Array, at: number, end: number, needsParameter: boolean): number {
  let i = nameEnd(bytes, at + 1, end);
  if (i === none || (needsParameter && bytes[i] !== space)) return none;
  while (i < end && bytes[i] === space) {
    i = nameEnd(bytes, i + 1, end);
    if (i === none || bytes[i] !== equals || bytes[i + 1] !== quote) return none;
    i = valueEnd(bytes, i + 2, end);
    if (i === none) return none;
  }
  return i < end && bytes[i] === closing ? i + 1 : none;
}

// SD-NAME: 1 to 32 printable characters except `=`, `]` and `"`. With a backslash it counts as text, since nobody
// means that as a name.
function nameEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end && i <= at + nameBytesMax; i++) {
    const byte = bytes[i]!;
    if (byte === backslash) return none;
    const isName = byte > space && byte < 0x7f && byte !== equals && byte !== closing && byte !== quote;
    if (!isName) return i > at ? i : none;
  }
  return none;
}

// PARAM-VALUE: `"`, `\` and `]` are escaped by a backslash; before any other character, a backslash is an ordinary
// character.
function valueEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === backslash) i++;
    else if (byte === quote) return i + 1;
    else if (byte === closing) return none;
  }
  return none;
}
