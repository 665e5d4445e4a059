/**
 * Writes the frames of syslog drains (RFC 6587 §3.4.1) from the lines of a batch and the places of their parts, as far as a
 * strict parser accepts these: `<PRI>1 TIME `, the drain's hostname, ` SOURCE PROCID MSGID `, structured data, and the
 * message, in three copies from known places.
 */
import { copy, digitsOf, writeDecimal } from "./bytes";
import { framesAt, framesBytes, linePlacesBytes, placesInAt, spare, tokenAt } from "./memory";

const strictBit: u32 = 0x400;
const space: u32 = 0x20;
const newline: u32 = 0x0a;
/** The length of ` host`, in whose place the hostname is written. */
const hostBytes: u32 = 5;

/** The end of the frames that were written last. */
let end: u32 = framesAt;

export function framesEnd(): u32 {
  return end;
}

/**
 * Writes the frames of at most `count` lines to `framesAt`, as many as there is room for, up to one that is not strict;
 * returns their number. The lines' places are at `placesInAt`; the byte at place `base` is at `from`. The hostname is at
 * `tokenAt`. `isNil`: the lines have no structured data. `endsLines`: a message without a newline at its end gets one.
 */
export function writeFrames(
  count: u32,
  base: u32,
  from: u32,
  hostnameBytes: u32,
  isNil: bool,
  endsLines: bool,
): u32 {
  const moved = from - base;
  const limit = framesAt + framesBytes - spare;
  let to = framesAt;
  let line: u32 = 0;
  for (let at = placesInAt; line < count; line++, at += linePlacesBytes) {
    if ((load<u32>(at, 4) & strictBit) === 0) break;
    const head = load<u32>(at) + moved;
    const timeEnd = load<u32>(at, 8) + moved;
    const message = load<u32>(at, 24) + moved;
    const lineEnd = load<u32>(at, 28) + moved;
    const fields = timeEnd + hostBytes;
    const needsNewline = endsLines && (lineEnd === message || <u32>load<u8>(lineEnd - 1) !== newline);
    const copied = timeEnd + 1 - head + hostnameBytes + (lineEnd - fields);
    const length = copied + (isNil ? 2 : 0) + (needsNewline ? 1 : 0);
    const digits = digitsOf(length);
    if (to + digits + 1 + length > limit) break;
    writeDecimal(to, digits, length);
    to += digits;
    store<u8>(to++, <u8>space);
    to = copy(to, head, timeEnd + 1 - head);
    to = copy(to, tokenAt, hostnameBytes);
    to = copy(to, fields, message - fields);
    if (isNil) {
      store<u16>(to, 0x202d); // `- `
      to += 2;
    }
    to = copy(to, message, lineEnd - message);
    if (needsNewline) store<u8>(to++, <u8>newline);
  }
  end = to;
  return line;
}
