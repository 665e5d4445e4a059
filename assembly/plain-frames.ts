/**
 * Makes canonical lines of plain frames: `<PRI>1 TIME HOST APPNAME PROCID - MSG`, with or without a `-` for structured
 * data, one space between fields, a valid TIME, and in APPNAME a token that is known, or in a body any word. Any other
 * frame is left to the general path (`scanHeader`, `Canoniser.addScanned`), which is the oracle of the tests: what is
 * taken here becomes the same line with the same places.
 */
import { copy, digitsOf, writeDecimal } from "./bytes";
import { mayHaveToken } from "./hidden-tokens";
import { bodyEntryAt, stages } from "./memory";
import { add as addLine, bytesOf, clear, hasRoom, linesOf, stageOf } from "./stages";
import { timeEndOf } from "./times";
import { entryOf, groupOf, namesBytesOf, namesOf, strictOf, tokenBytes } from "./tokens";

const space: u32 = 0x20;
const dash: u32 = 0x2d;
const zero: u32 = 0x30;
const version1: u32 = 0x31;
const lessThan: u32 = 0x3c;
const greaterThan: u32 = 0x3e;
const opening: u32 = 0x5b;
const letterD: u32 = 0x64;
const dot: u32 = 0x2e;
const processBytesMax: u32 = 128;

/** The frames of the last `run`. */
let taken: u32 = 0;

export function framesTaken(): u32 {
  return taken;
}

/**
 * Takes the octet-counted frames (RFC 6587 §3.4.1) at `at` as long as they are plain, whole, not longer than
 * `frameBytesMax`, and no more than `framesMax`, and there is a stage with room. Returns the place after the last one. The
 * stages have their lines alone.
 */
export function run(at: u32, end: u32, frameBytesMax: u32, framesMax: u32, isBody: bool): u32 {
  clear();
  taken = 0;
  let next = at;
  while (taken < framesMax && next < end) {
    let length: u32 = 0;
    let digit: u32 = <u32>load<u8>(next) - zero;
    let i = next;
    while (digit <= 9) {
      length = length * 10 + digit;
      if (length === 0 || length > frameBytesMax) return next;
      digit = <u32>load<u8>(++i) - zero;
    }
    const start = i + 1;
    if (length === 0 || load<u8>(i) !== space || start + length > end) return next;
    if (!add(start, start + length, isBody)) return next;
    next = start + length;
    taken++;
  }
  return next;
}

/** Takes the frame [start, end) if it is plain; the stages have its line alone. */
export function one(start: u32, end: u32): bool {
  clear();
  return add(start, end, false);
}

// Takes the frame [start, end) if it is plain.
function add(start: u32, end: u32, isBody: bool): bool {
  if (start + 3 > end || load<u8>(start) !== lessThan) return false;
  let pri: u32 = <u32>load<u8>(start + 1) - zero;
  if (pri > 9) return false;
  let at = start + 2;
  const isZero = pri === 0;
  for (let digit: u32 = <u32>load<u8>(at) - zero; digit <= 9; digit = <u32>load<u8>(++at) - zero) {
    pri = pri * 10 + digit;
    if (isZero || pri > 191) return false;
  }
  if (load<u8>(at) !== greaterThan || load<u8>(at + 1) !== version1 || load<u8>(at + 2) !== space)
    return false;
  const timeEnd = timeEndOf(at + 3, end);
  if (timeEnd === 0 || load<u8>(timeEnd) !== space) return false;
  const host = timeEnd + 1;
  const hostEnd = wordEnd(host, end);
  if (hostEnd === 0 || (load<u8>(host) === letterD && load<u8>(host + 1) === dot)) return false;
  const token = hostEnd + 1;
  const tokenEnd = isBody ? wordEnd(token, end) : token + tokenBytes;
  if (tokenEnd === 0 || tokenEnd >= end || load<u8>(tokenEnd) !== space) return false;
  const process = tokenEnd + 1;
  const processEnd = wordEnd(process, end);
  if (processEnd === 0 || processEnd - process > processBytesMax || processEnd + 2 >= end) return false;
  if (load<u8>(processEnd + 1) !== dash || load<u8>(processEnd + 2) !== space) return false;
  const message = messageOf(processEnd + 3, end);
  if (message === 0 || mayHaveToken(process, end)) return false;
  const entry = isBody ? bodyEntryAt : entryOf(token);
  return entry !== 0 && write(start, pri, timeEnd, process, processEnd, message, end, entry);
}

// The place of the space after the word at `at`, which is of printable ASCII without `]`; 0 if it is not.
function wordEnd(at: u32, end: u32): u32 {
  let i = at;
  for (; i < end; i += 16) {
    const bytes = v128.load(i);
    const isOther = v128.or(
      i8x16.gt_u(i8x16.sub(bytes, i8x16.splat(0x21)), i8x16.splat(0x5d)),
      i8x16.eq(bytes, i8x16.splat(0x5d)),
    );
    const others = i8x16.bitmask(isOther);
    if (others === 0) continue;
    i += ctz(others);
    return i > at && i < end && load<u8>(i) === space ? i : 0;
  }
  return 0;
}

// The beginning of the message after MSGID and structured data that are nil or left out; 0 if the general path must
// look for it.
function messageOf(at: u32, end: u32): u32 {
  if (at >= end) return at;
  let start = at;
  const first: u32 = load<u8>(at);
  if (first === dash) {
    if (at + 1 === end) return end;
    if (load<u8>(at + 1) === space) start = at + 2;
  } else if (first === opening) return 0;
  return start < end && load<u8>(start) === 0xef ? 0 : start;
}

function write(
  start: u32,
  pri: u32,
  timeEnd: u32,
  process: u32,
  processEnd: u32,
  message: u32,
  end: u32,
  entry: u32,
): bool {
  const headBytes = timeEnd - start;
  const namesBytes = namesBytesOf(entry);
  const length = headBytes + namesBytes + (processEnd - process) + 3 + (end - message);
  const digits = digitsOf(length);
  const stage = stageOf(groupOf(entry));
  if (stage === stages || !hasRoom(stage, digits + 1 + length)) return false;
  const lines = linesOf(stage);
  const prefix = lines + bytesOf(stage);
  writeDecimal(prefix, digits, length);
  store<u8>(prefix + digits, <u8>space);
  const head = prefix + digits + 1;
  const names = copy(head, start, headBytes);
  const processAt = copy(names, namesOf(entry), namesBytes);
  const processTo = copy(processAt, process, processEnd - process);
  store<u32>(processTo, 0x202d20); // ` - `
  const messageAt = processTo + 3;
  const lineEnd = copy(messageAt, message, end - message);
  const places = addLine(stage, lineEnd - lines);
  v128.store(places, i32x4(head - lines, pri | strictOf(entry), names - lines, processAt - 1 - lines));
  v128.store(places, i32x4(processTo - lines, processTo + 2 - lines, messageAt - lines, lineEnd - lines), 16);
  return true;
}
