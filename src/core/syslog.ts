/**
 * The RFC 5424 header, by byte ranges: `<PRI>1 TIME HOST APPNAME PROCID MSGID SD MSG`. Logplex senders may leave out
 * STRUCTURED-DATA (`logplex.md` §2.6): what follows MSGID is then the message.
 */

const space = 0x20;
const zero = 0x30;
const dash = 0x2d;
const opening = 0x5b;
const backslash = 0x5c;
const closing = 0x5d;

/** Where the fields of one frame lie; filled again by each scan. An absent or nil SD has `sdStart === sdEnd`. */
export class SyslogHeader {
  pri = 0;
  timeStart = 0;
  timeEnd = 0;
  appStart = 0;
  appEnd = 0;
  processStart = 0;
  processEnd = 0;
  /** `msgidStart === msgidEnd` for the nil value. */
  msgidStart = 0;
  msgidEnd = 0;
  sdStart = 0;
  sdEnd = 0;
  messageStart = 0;
}

/** Fills `header` from the frame [start, end); false when it is no RFC 5424 frame. Allocates nothing. */
export function scanHeader(bytes: Uint8Array, start: number, end: number, header: SyslogHeader): boolean {
  let at = scanPri(bytes, start, end, header);
  if (at === -1 || at + 2 > end || bytes[at] !== zero + 1 || bytes[at + 1] !== space) return false;
  header.timeStart = at + 2;
  header.timeEnd = fieldEnd(bytes, header.timeStart, end);
  if (header.timeEnd === -1) return false;
  at = fieldEnd(bytes, header.timeEnd + 1, end); // HOSTNAME: of no use, the token says who wrote it
  if (at === -1) return false;
  header.appStart = at + 1;
  header.appEnd = fieldEnd(bytes, header.appStart, end);
  if (header.appEnd === -1) return false;
  header.processStart = header.appEnd + 1;
  header.processEnd = fieldEnd(bytes, header.processStart, end);
  if (header.processEnd === -1) return false;
  header.msgidStart = header.processEnd + 1;
  return scanTail(bytes, end, header);
}

/** `<PRI>` with one to three digits: the place behind it, or -1. */
export function scanPri(bytes: Uint8Array, start: number, end: number, header: { pri: number }): number {
  if (start >= end || bytes[start] !== 0x3c) return -1;
  let pri = 0;
  let at = start + 1;
  for (; at < end && bytes[at] !== 0x3e; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9 || at - start > 3) return -1;
    pri = pri * 10 + digit;
  }
  if (at >= end || at === start + 1) return -1;
  header.pri = pri;
  return at + 1;
}

/** The space behind the field at `at`, or -1: fields are not empty and hold no control characters. */
export function fieldEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > space && byte !== 0x7f) continue;
    return byte === space && i > at ? i : -1;
  }
  return -1;
}

/** Structured data at `at`: the place behind its last `]`, or -1. `\]` does not close an element. */
export function structuredDataEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] === opening) {
    for (i++; i < end && bytes[i] !== closing; i++) {
      if (bytes[i] === backslash) i++;
      else if (bytes[i]! < space) return -1;
    }
    if (i >= end) return -1;
    i++;
  }
  return i > at && (i === end || bytes[i] === space) ? i : -1;
}

// MSGID, SD and the message; each of the last two may be missing.
function scanTail(bytes: Uint8Array, end: number, header: SyslogHeader): boolean {
  const msgidEnd = fieldEnd(bytes, header.msgidStart, end);
  header.msgidEnd = msgidEnd === -1 ? end : msgidEnd;
  if (msgidEnd === -1 && !isField(bytes, header.msgidStart, end)) return false;
  const nilMsgid = header.msgidEnd === header.msgidStart + 1 && bytes[header.msgidStart] === dash;
  if (nilMsgid) header.msgidEnd = header.msgidStart;
  const at = Math.min(end, (nilMsgid ? header.msgidStart + 1 : header.msgidEnd) + 1);
  header.sdStart = header.sdEnd = at;
  header.messageStart = at;
  if (at >= end) return true;
  if (bytes[at] === dash && (at + 1 === end || bytes[at + 1] === space)) {
    header.messageStart = Math.min(end, at + 2);
  } else if (bytes[at] === opening) {
    const sdEnd = structuredDataEnd(bytes, at, end);
    if (sdEnd !== -1) {
      header.sdEnd = sdEnd;
      header.messageStart = Math.min(end, sdEnd + 1);
    }
  }
  return true;
}

// The last field of a frame has no space behind it.
function isField(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let i = start; i < end; i++) if (bytes[i]! <= space || bytes[i] === 0x7f) return false;
  return true;
}
