/**
 * The one scan that decides what a frame is: RFC 5424 (`<PRI>1 TIME HOST APPNAME PROCID MSGID SD MSG`), BSD syslog (RFC
 * 3164), or text that is neither. It finds the places of the fields; in a frame that is not RFC 5424, the place of the
 * word that names the sender. Several spaces between header fields count as one. Logplex senders may leave out
 * STRUCTURED-DATA (docs/spec/wire-in.md#w2-8): the message then follows MSGID.
 */
import { scanBsdHead } from "./bsd-syslog.ts";
import { structuredDataEnd } from "./structured-data.ts";
import { mendedTimestamp, timestampBytesMax, timestampEnd } from "./timestamp.ts";

/** Why a frame is not RFC 5424: it has no PRI, another VERSION, or lacks one of the fields up to PROCID. */
type Unreadable = "no_pri" | "version" | "fields_missing";

const space = 0x20;
const zero = 0x30;
const one = 0x31;
const dash = 0x2d;
const opening = 0x5b;
const closing = 0x5d;
const none = -1;

/** The longest PROCID and MSGID, RFC 5424 §6. */
const processBytesMax = 128;
const msgidBytesMax = 32;
/** `local7.info`, the priority of a line without one. */
const defaultPri = 190;
const user = 8;

/** One frame and its parts as ranges; each scan sets them all. A part that is absent or nil is an empty range. */
export class SyslogHeader {
  start = 0;
  end = 0;
  kind: "rfc5424" | "bsd" | "text" = "text";
  /** Why the frame is `text`. */
  reason: Unreadable = "no_pri";
  /** From 0 to 191. */
  pri = 0;
  /** The bytes with TIME: the frame, or `mended`. Empty if the line has no usable time. */
  time: Uint8Array = noTime;
  timeStart = 0;
  timeEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  /** APPNAME, the tag of BSD syslog, or the fourth word of anything else. */
  appStart = 0;
  appEnd = 0;
  processStart = 0;
  processEnd = 0;
  /** True when PROCID has characters that readers must not get: `]`, or anything but printable ASCII. */
  processIsOdd = false;
  msgidStart = 0;
  msgidEnd = 0;
  sdStart = 0;
  sdEnd = 0;
  messageStart = 0;
  /** The place after the tag of BSD syslog. */
  textStart = 0;
  /** Holds a time that had to be rewritten. */
  readonly mended = Buffer.allocUnsafeSlow(timestampBytesMax);
}

const noTime = new Uint8Array(0);

/**
 * Fills `header` from the frame [start, end). `nowMs` supplies the year of a BSD time. Allocates nothing for an RFC
 * 5424 frame.
 */
export function scanHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  header: SyslogHeader,
  nowMs: number,
): void {
  header.start = start;
  header.end = end;
  const at = passByteOrderMark(bytes, start, end);
  const priEnd = scanPri(bytes, at, end, header);
  const hasPri = priEnd !== none && header.pri <= 191;
  const isVersion1 =
    priEnd !== none && priEnd + 2 <= end && bytes[priEnd] === one && bytes[priEnd + 1] === space;
  if (
    isVersion1
      ? scanFields(bytes, priEnd + 2, end, header)
      : hasPri && scanBsdHead(bytes, priEnd, end, header, nowMs)
  ) {
    if (!hasPri) header.pri = user + (header.pri & 7); // the facility does not exist; the severity does
    return;
  }
  const reason = hasPri ? (isVersion1 ? "fields_missing" : "version") : "no_pri";
  scanText(bytes, at, hasPri ? priEnd : at, end, header, reason);
}

/** `<PRI>` with one to three digits: the place after it, or -1. */
export function scanPri(bytes: Uint8Array, start: number, end: number, header: { pri: number }): number {
  if (start >= end || bytes[start] !== 0x3c) return none;
  let pri = 0;
  let at = start + 1;
  for (; at < end && bytes[at] !== 0x3e; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9 || at - start > 3) return none;
    pri = pri * 10 + digit;
  }
  if (at >= end || at === start + 1) return none;
  header.pri = pri;
  return at + 1;
}

/** The place of the space after the field at `at`, or -1: fields are not empty and have no control characters. */
export function fieldEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > space && byte !== 0x7f) continue;
    return byte === space && i > at ? i : none;
  }
  return none;
}

/** The place after a byte order mark, which some senders put before UTF-8; it is not part of the text. */
const passByteOrderMark = (bytes: Uint8Array, at: number, end: number): number =>
  bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf && at + 3 <= end ? at + 3 : at;

// Scans from TIME on; false if a field up to PROCID is missing.
function scanFields(bytes: Uint8Array, at: number, end: number, header: SyslogHeader): boolean {
  const timeStart = passBlanks(bytes, at, end);
  let timeEnd = timestampEnd(bytes, timeStart, end);
  const isTime = timeEnd !== none && bytes[timeEnd] === space && timeEnd < end;
  if (!isTime) timeEnd = fieldEnd(bytes, timeStart, end);
  if (timeEnd === none) return false;
  const hostStart = passBlanks(bytes, timeEnd + 1, end);
  const hostEnd = fieldEnd(bytes, hostStart, end);
  if (hostEnd === none) return false;
  const appStart = passBlanks(bytes, hostEnd + 1, end);
  const appEnd = fieldEnd(bytes, appStart, end);
  if (appEnd === none) return false;
  const processStart = passBlanks(bytes, appEnd + 1, end);
  const processEnd = scanProcess(bytes, processStart, end, header);
  if (processEnd === none) return false;
  header.kind = "rfc5424";
  header.time = bytes;
  header.timeStart = timeStart;
  header.timeEnd = timeEnd;
  header.hostStart = hostStart;
  header.hostEnd = hostEnd;
  header.appStart = appStart;
  header.appEnd = appEnd;
  header.processStart = processStart;
  header.processEnd = Math.min(processEnd, processStart + processBytesMax);
  if (!isTime) mendTime(bytes, timeStart, timeEnd, header);
  scanTail(bytes, passBlanks(bytes, processEnd + 1, end), end, header);
  return true;
}

const passBlanks = (bytes: Uint8Array, at: number, end: number): number =>
  bytes[at] === space ? passMoreBlanks(bytes, at, end) : at;

function passMoreBlanks(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] === space) i++;
  return i;
}

// As `fieldEnd`, and notes odd characters on the way.
function scanProcess(bytes: Uint8Array, at: number, end: number, header: SyslogHeader): number {
  let isOdd = false;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    if (byte <= space || byte === 0x7f) {
      header.processIsOdd = isOdd;
      return byte === space && i > at ? i : none;
    }
    if (byte > 0x7f || byte === closing) isOdd = true;
  }
  return none;
}

// Scans MSGID, SD and the message, each of which may be missing. A word that cannot be a MSGID (too long, not ASCII)
// begins the message.
function scanTail(bytes: Uint8Array, at: number, end: number, header: SyslogHeader): void {
  const isNil = bytes[at] === dash && bytes[at + 1] === space && at + 1 < end;
  const msgidEnd = isNil ? at + 1 : scanMsgid(bytes, at, end);
  const isText = msgidEnd === none;
  header.msgidStart = at;
  header.msgidEnd = isText || (msgidEnd === at + 1 && bytes[at] === dash) ? at : msgidEnd;
  let messageStart = isText ? at : Math.min(end, msgidEnd + 1);
  header.sdStart = header.sdEnd = messageStart;
  const first = bytes[messageStart];
  if (!isText && messageStart < end && (first === dash || first === opening)) {
    const sdEnd = first === dash ? messageStart + 1 : structuredDataEnd(bytes, messageStart, end);
    const isData = sdEnd !== none && (sdEnd === end || bytes[sdEnd] === space);
    if (isData && first === opening) header.sdEnd = sdEnd;
    if (isData) messageStart = Math.min(end, sdEnd + 1);
  }
  header.messageStart =
    bytes[messageStart] === 0xef ? passByteOrderMark(bytes, messageStart, end) : messageStart;
}

// The end of a MSGID, at a space or at the frame's end; -1 when there is none.
function scanMsgid(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end && i <= at + msgidBytesMax; i++) {
    const byte = bytes[i]!;
    if (byte === space) return i > at ? i : none;
    if (byte < space || byte > 0x7e) return none;
  }
  return end > at && end - at <= msgidBytesMax ? end : none;
}

// Rewrites a time of RFC 3339 in the form of RFC 5424; any other time counts as absent.
function mendTime(bytes: Uint8Array, start: number, end: number, header: SyslogHeader): void {
  const text = end - start <= 64 ? Buffer.from(bytes.subarray(start, end)).toString("latin1") : "";
  const mended = mendedTimestamp(text);
  header.time = mended === undefined ? noTime : header.mended;
  header.timeStart = 0;
  header.timeEnd = mended === undefined ? 0 : header.mended.write(mended, "latin1");
}

// Takes everything from `textStart` on as the message. The frame is routed by its fourth word
// (docs/spec/wire-in.md#w5-2).
function scanText(
  bytes: Uint8Array,
  start: number,
  textStart: number,
  end: number,
  header: SyslogHeader,
  reason: Unreadable,
): void {
  if (textStart === start) header.pri = defaultPri;
  header.kind = "text";
  header.reason = reason;
  header.time = noTime;
  header.timeStart = header.timeEnd = 0;
  header.hostStart = header.hostEnd = header.appStart = header.appEnd = end;
  header.messageStart = passByteOrderMark(bytes, textStart, end);
  header.processStart = header.processEnd = header.msgidStart = header.msgidEnd = header.messageStart;
  header.sdStart = header.sdEnd = header.messageStart;
  header.processIsOdd = false;
  let at = start;
  for (let word = 1; word <= 4; word++) {
    const wordStart = passBlanks(bytes, at, end);
    at = wordStart;
    while (at < end && bytes[at] !== space) at++;
    if (word === 3) [header.hostStart, header.hostEnd] = [wordStart, at];
    if (word === 4) [header.appStart, header.appEnd] = [wordStart, at];
  }
}
