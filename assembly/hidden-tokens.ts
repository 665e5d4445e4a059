/**
 * Lines in which `maskTokens` of `core/secrets/token-mask.ts` might hide something. They are left to the general path,
 * which does so; so this may say yes too often, and never no too often. It looks at the same bytes, four of every 24.
 */
import { uuidBytesAt } from "./memory";

const strideBytes: u32 = 24;
const uuidBytes: u32 = 36;
/** Bytes after `t.` that count, and digits after the `t` of the second spelling; fewer at the end of a line. */
const partBytesMin: u32 = 32;
const cutBytesMin: u32 = 4;
const shortPartBytesMin: u32 = 27;
const shortCutBytesMin: u32 = 15;
const dash: u32 = 0x2d;
const letterT: u32 = 0x74;
const dot: u32 = 0x2e;

/** Sets up the table of the bytes in UUIDs. Call it once. */
export function prepare(): void {
  for (let byte: u32 = 0x30; byte <= 0x39; byte++) store<u8>(uuidBytesAt + byte, 1);
  for (let byte: u32 = 0x61; byte <= 0x66; byte++) {
    store<u8>(uuidBytesAt + byte, 1);
    store<u8>(uuidBytesAt + byte - 0x20, 1);
  }
  store<u8>(uuidBytesAt + 0x2d, 1);
}

function isUuidByte(at: u32): bool {
  return load<u8>(uuidBytesAt + <u32>load<u8>(at)) !== 0;
}

/** True if [start, end), the part of a line from PROCID on, may have a token in it. */
export function mayHaveToken(start: u32, end: u32): bool {
  for (let at = start + strideBytes + 2; at < end; at += strideBytes) {
    if (!isUuidByte(at) || !isUuidByte(at - 1) || !isUuidByte(at - 2) || !isUuidByte(at - 3)) continue;
    if (mayBeAround(start, end, at, partBytesMin)) return true;
  }
  return end > start && isUuidByte(end - 1) && mayBeAround(start, end, end - 1, cutBytesMin);
}

// As `maskAround`, which knows more of what is before the `t`.
function mayBeAround(start: u32, end: u32, at: u32, bytesMin: u32): bool {
  const first = max(start + 1, at - uuidBytes + 1);
  let from = at;
  while (from > first && isUuidByte(from - 1)) from--;
  const before: u32 = load<u8>(from - 1);
  if ((before | 0x20) === letterT) return hasShortToken(from, end);
  if (before !== dot || from < start + 2 || (<u32>load<u8>(from - 2) | 0x20) !== letterT) return false;
  let to = at + 1;
  while (to < end && isUuidByte(to)) to++;
  return to - from >= bytesMin;
}

// True if there are as many digits at `from` as count.
function hasShortToken(from: u32, end: u32): bool {
  let to = from;
  while (to < end && load<u8>(to) !== dash && isUuidByte(to)) to++;
  return to - from >= (to < end ? shortPartBytesMin : shortCutBytesMin);
}
