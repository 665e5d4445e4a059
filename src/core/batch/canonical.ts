/**
 * Writes frames in the form that the log holds: `LEN <PRI>1 TIME host SOURCE PROCID - MSG`, where SOURCE is the name of
 * the token. A frame with a MSGID or structured data keeps them, and its batch has the form `rfc5424`. A frame that is
 * not syslog becomes the message of a line, because what was acknowledged is not thrown away. Every stored line has a
 * PRI of 0 to 191, a TIME in the form of RFC 5424 (the time of acceptance if the frame has none), a PROCID of printable
 * ASCII without `]`, and no token in it (docs/spec/wire-in.md#w2-1 and the clauses after it).
 */

import { maskTokens } from "../secrets/token-mask.ts";
import { SyslogHeader, scanHeader } from "../wire/syslog.ts";
import { syslogTime } from "../wire/timestamp.ts";
import type { CanonicalLines, Form } from "./batch.ts";
import { copyBytes, viewOf } from "./copy-words.ts";
import { decimalDigits, writeDecimal } from "./decimal.ts";
import type { StagedLines } from "./line-code.ts";
import { indexFrames, isPlain, placesAt, sourceBytesMax } from "./line-index.ts";
import { hostBytes, placeShift, placesBytes, placesPerLine, strictBit } from "./line-places.ts";
import { toRfc5424 } from "./lines.ts";

const space = 0x20;
const dash = 0x2d;
const closing = 0x5d;
const questionMark = 0x3f;
/** The size of the parts that lines make where they are taken in parts; the log stores batches of this size. */
export const partBytesMax = 512 * 1024;
/** A part that follows another one begins with this much memory. */
const partBytesMin = 64 * 1024;
const noRoom = Buffer.alloc(0);
/** Lines are assumed to have 128 bytes each. */
const lineBytesShift = 7;
/**
 * Longer lines get no index: they are cut into batches before they are stored, and an index would take megabytes for
 * nothing.
 */
const indexedBytesMax = 1024 * 1024;
const noView = viewOf(noRoom);
const noPlaces = new Uint32Array(0);
const scanned = new SyslogHeader(); // scans never interleave: nothing here awaits

/** The parts of a line that depend on the token that it came with. */
export type Origin = {
  /** ` host SOURCE `, which comes between TIME and PROCID. */
  readonly names: Uint8Array;
  /** Hidden wherever it appears. */
  readonly token: string | undefined;
  /** `strictBit`, unless a strict parser would reject SOURCE as a name. */
  readonly strict: number;
};

export function originOf(source: string, token?: string): Origin {
  const names = Buffer.from(` host ${source} `, "latin1");
  const strict = isPlain(names, hostBytes, names.length - 1, sourceBytesMax) ? strictBit : 0;
  return { names, token, strict };
}

/** Collects canonical lines. */
export class Canoniser {
  /** That of lines without one of their own. */
  readonly origin: Origin;
  #out: Uint8Array;
  #view: DataView;
  #end = 0;
  #places: Uint32Array = noPlaces;
  /** False: `#places` only has the last line. */
  #isIndexed = true;
  #count = 0;
  #form: Form = "logplex";
  #nowMs = Number.NaN;
  #now: Uint8Array = noRoom;
  readonly #inParts: boolean;
  /** Full parts, their lines, their bytes and the memory that they hold. */
  #parts: CanonicalLines[] = [];
  #partsCount = 0;
  #partsBytes = 0;
  #partsRoomBytes = 0;

  /**
   * Writes into `out` from its start, and into a larger buffer when `out` is full. `token`, with which the lines
   * came, is hidden wherever it appears. Where lines are taken in parts, those that would have to be copied are left
   * where they are once they make half a part, and the next ones begin a new one: copying megabytes into new memory holds
   * everybody up.
   */
  constructor(source: string, out: Uint8Array = Buffer.allocUnsafe(4096), token?: string, inParts = false) {
    this.origin = originOf(source, token);
    this.#out = out;
    this.#view = viewOf(out);
    this.#inParts = inParts;
  }

  /** Bytes of the lines collected so far. */
  get bytes(): number {
    return this.#partsBytes + this.#end;
  }

  /** Lines collected so far. */
  get count(): number {
    return this.#partsCount + this.#count;
  }

  /** Bytes of lines that fit into it, including those collected so far. */
  get linesBytesMax(): number {
    return this.#out.length;
  }

  /** The memory that it holds. */
  get roomBytes(): number {
    return this.#partsRoomBytes + this.#out.length + this.#places.byteLength;
  }

  /**
   * Adds the frame [start, end) of `bytes`, which may be the buffer that is being written if all frames before it
   * were added. `nowMs`: the time of a line without one.
   */
  add(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    scanHeader(bytes, start, end, scanned, nowMs);
    this.addScanned(bytes, scanned, nowMs);
  }

  /** The same for a frame that was scanned already; its line may have an origin of its own. */
  addScanned(bytes: Uint8Array, header: SyslogHeader, nowMs: number, origin?: Origin): void {
    this.#count++;
    if (header.timeEnd === 0) this.#stampNow(header, nowMs);
    const hasMore = header.msgidEnd > header.msgidStart || header.sdEnd > header.sdStart;
    if (hasMore && this.#form === "logplex") this.#widen(bytes);
    this.#write(bytes, header, origin ?? this.origin);
  }

  /** Adds the lines of plain frames. `bytes`: what their frames were in, up to `framesEnd`. */
  addLines(plain: StagedLines, bytes?: Uint8Array, framesEnd = 0): void {
    const lines = this.#form === "rfc5424" ? widened(plain) : plain;
    const { bytes: added, count } = lines;
    const fits = bytes !== this.#out || this.#end + added.length <= framesEnd;
    this.#count += count;
    const out = this.#reserve(added.length, fits, framesEnd, count);
    this.#placeOfLast();
    if (this.#isIndexed) this.#places.set(lines.placesAt(this.#end), (this.#count - count) << placeShift);
    out.set(added, this.#end);
    this.#end += added.length;
  }

  /** Returns the lines collected so far, and starts again in a new buffer. */
  take(): CanonicalLines {
    const lines = this.view();
    this.#leaveRoom();
    return lines;
  }

  /** The same where they are in parts: none where there are no lines. */
  takeParts(): readonly CanonicalLines[] {
    if (this.#count > 0) this.#endPart(this.#count);
    const parts = this.#parts;
    this.#parts = [];
    this.#partsCount = this.#partsBytes = this.#partsRoomBytes = 0;
    this.#leaveRoom();
    return parts;
  }

  /** Returns a copy of the lines collected so far, and starts again in the same buffer. */
  copyOut(): CanonicalLines {
    const length = this.#end;
    const room = Buffer.allocUnsafe(length + 3 + this.#count * placesBytes);
    room.set(this.#out.subarray(0, length));
    const bytes = room.subarray(0, length);
    const placesAt = (room.byteOffset + length + 3) & ~3;
    const places = new Uint32Array(room.buffer, placesAt, this.#count << placeShift);
    places.set(this.#places.subarray(0, this.#count << placeShift));
    const lines = { bytes, count: this.#count, form: this.#form, index: { bytes, places } };
    this.clear();
    return lines;
  }

  /** The lines collected so far, without a copy: nothing may be added before they are cleared. */
  view(): CanonicalLines {
    const bytes = this.#out.subarray(0, this.#end);
    const index = this.#isIndexed ? { bytes, places: this.#places } : undefined;
    return { bytes, count: this.#count, form: this.#form, index };
  }

  /** Replaces its lines by those that `other` has collected. */
  copyOf(other: Canoniser): void {
    this.clear();
    this.#reserve(other.#end, true, 0);
    this.#out.set(other.#out.subarray(0, other.#end));
    this.#end = other.#end;
    this.#count = other.#count;
    this.#form = other.#form;
    this.#isIndexed = other.#isIndexed;
    this.#placeOfLast();
    if (this.#isIndexed) this.#places.set(other.#places.subarray(0, other.#count << placeShift));
  }

  /** Overwrites the memory: see `returnedMemory`. */
  wipe(): void {
    this.#out.fill(0xdb);
    this.#places.fill(0xdbdbdbdb);
  }

  /** Drops the lines and keeps the memory. */
  clear(): void {
    this.#end = 0;
    this.#count = 0;
    this.#form = "logplex";
    this.#isIndexed = true;
  }

  #stampNow(header: SyslogHeader, nowMs: number): void {
    if (nowMs !== this.#nowMs) {
      this.#now = Buffer.from(syslogTime(nowMs), "latin1");
      this.#nowMs = nowMs;
    }
    header.time = this.#now;
    header.timeStart = 0;
    header.timeEnd = this.#now.length;
  }

  #leaveRoom(): void {
    this.#out = noRoom;
    this.#view = noView;
    this.#places = noPlaces;
    this.clear();
  }

  // Makes a part of the first `count` lines; the one that is being written is not among them.
  #endPart(count: number): void {
    const rest = this.#count - count;
    this.#count = count;
    this.#parts.push(this.view());
    this.#partsCount += count;
    this.#partsBytes += this.#end;
    this.#partsRoomBytes += this.#out.length + this.#places.byteLength;
    const form = this.#form;
    this.#leaveRoom();
    this.#form = form;
    this.#count = rest;
  }

  get #isHalfPart(): boolean {
    return this.#inParts && this.#end > partBytesMax / 2;
  }

  // From now on lines keep MSGID and SD; earlier lines of this part get nil ones.
  #widen(bytes: Uint8Array): void {
    if (this.#isHalfPart) {
      this.#endPart(this.#count - 1);
      this.#form = "rfc5424";
      return;
    }
    const lines = this.#out.subarray(0, this.#end);
    const wide = toRfc5424({ bytes: lines, count: this.#count - 1, form: "logplex" }).bytes;
    const room = Math.min(wide.length + bytes.length, partBytesMax);
    this.#out = Buffer.allocUnsafe(Math.max(4096, wide.length, room));
    this.#view = viewOf(this.#out);
    this.#out.set(wide);
    this.#end = wide.length;
    this.#form = "rfc5424";
    if (!this.#isIndexed) return;
    const places = new Uint32Array(this.#places.length);
    places.set(indexFrames(wide, this.#count - 1, "rfc5424").places);
    this.#places = places;
  }

  // Fields are copied from left to right. Writing in place never overwrites unread bytes as long as no field moves to
  // the right.
  #write(bytes: Uint8Array, header: SyslogHeader, { names, token, strict }: Origin): void {
    const { time, timeStart, timeEnd, messageStart, end } = header;
    const { processStart, msgidStart, msgidEnd, sdStart, sdEnd } = header;
    const wide = this.#form === "rfc5424";
    const priBytes = header.pri < 10 ? 1 : header.pri < 100 ? 2 : 3;
    const processBytes = header.processEnd - processStart;
    const msgidBytes = wide ? Math.max(1, msgidEnd - msgidStart) : 1;
    const sdBytes = wide ? Math.max(1, sdEnd - sdStart) + 1 : 0;
    const timeAt = priBytes + 4; // <PRI>1␠
    const processAt = timeAt + (timeEnd - timeStart) + names.length;
    const messageAt = processAt + Math.max(1, processBytes) + 1 + msgidBytes + 1 + sdBytes;
    const length = messageAt + (end - messageStart);
    const lengthBytes = decimalDigits(length) + 1;
    let headAt = this.#end + lengthBytes;
    const movesLeft =
      (headAt + timeAt <= timeStart || time !== bytes) &&
      (headAt + processAt <= processStart || processBytes === 0) &&
      headAt + messageAt <= messageStart &&
      headAt + length <= end;
    const out = this.#reserve(lengthBytes + length, bytes !== this.#out || movesLeft, end);

    headAt = this.#end + lengthBytes; // it may have begun a new part
    writeDecimal(out, this.#end, lengthBytes - 1, length);
    out[headAt - 1] = space;
    out[headAt] = 0x3c;
    writeDecimal(out, headAt + 1, priBytes, header.pri);
    out[headAt + priBytes + 1] = 0x3e;
    out[headAt + priBytes + 2] = 0x31;
    out[headAt + priBytes + 3] = space;
    const view = this.#view;
    const place = this.#placeOfLast();
    const places = this.#places;
    places[place] = headAt;
    places[place + 1] = header.pri | strict;
    let at = copyBytes(out, view, headAt + timeAt, time, timeStart, timeEnd);
    places[place + 2] = at;
    at = copyBytes(out, view, at, names, 0, names.length);
    places[place + 3] = at - 1;
    if (processBytes === 0) out[at++] = dash;
    else at = copyBytes(out, view, at, bytes, processStart, header.processEnd);
    if (header.processIsOdd) mendProcess(out, at - processBytes, at);
    places[place + 4] = at;
    out[at++] = space;
    if (wide && msgidEnd > msgidStart) at = copyBytes(out, view, at, bytes, msgidStart, msgidEnd);
    else out[at++] = dash;
    places[place + 5] = at;
    out[at++] = space;
    if (wide) {
      if (sdEnd > sdStart) at = copyBytes(out, view, at, bytes, sdStart, sdEnd);
      else out[at++] = dash;
      out[at++] = space;
    }
    places[place + 6] = at;
    this.#end = copyBytes(out, view, at, bytes, messageStart, end);
    places[place + 7] = this.#end;
    maskTokens(out, headAt + processAt, this.#end, token);
  }

  // The place in `#places` for the line that is being written, if there is room. Short enough to be inlined into its
  // callers.
  #placeOfLast(): number {
    const placesUsed = this.#count << placeShift;
    return placesUsed <= this.#places.length ? placesUsed - placesPerLine : this.#makePlaces();
  }

  #makePlaces(): number {
    if (!this.#isIndexed) return 0;
    const places = this.#places;
    if (this.#end > indexedBytesMax) {
      this.#isIndexed = false;
      this.#places = new Uint32Array(placesPerLine);
      return 0;
    }
    const first = Math.max(1, this.#out.length >> lineBytesShift) << placeShift;
    this.#places = new Uint32Array(Math.max(first, 2 * places.length, this.#count << placeShift));
    this.#places.set(places);
    return (this.#count - 1) << placeShift;
  }

  // Makes room for `more` bytes, which are the last `count` lines; takes a new buffer if this one is too small, or is still
  // being read.
  #reserve(more: number, fits: boolean, frameEnd: number, count = 1): Uint8Array {
    if (fits && this.#end + more <= this.#out.length) return this.#out;
    const larger = Buffer.allocUnsafe(this.#roomFor(more, fits, frameEnd, count));
    larger.set(this.#out.subarray(0, this.#end));
    this.#out = larger;
    this.#view = viewOf(larger);
    return larger;
  }

  // A body that does not fit in place is expected to grow throughout as its first frames did; a buffer that grows
  // frame by frame is a power of two.
  #roomFor(more: number, fits: boolean, frameEnd: number, count: number): number {
    if (this.#isHalfPart) {
      this.#endPart(this.#count - count);
      return powerOfTwo(Math.max(more, partBytesMin));
    }
    const needed = this.#end + more;
    if (fits) return powerOfTwo(needed);
    const whole = Math.max(needed, this.#out.length) + spareOf(this.#out.length, needed, frameEnd) + 1024;
    return Math.max(needed, Math.min(whole, partBytesMax));
  }
}

/** The smallest power of two that is larger than `bytes`. */
export const powerOfTwo = (bytes: number): number => 1 << (32 - Math.clz32(Math.max(1, bytes) - 1));

/** Spare bytes for a body whose remaining bytes grow like those up to here; at least an eighth. */
const spareOf = (bodyBytes: number, needed: number, frameEnd: number): number =>
  Math.max(bodyBytes >> 3, Math.ceil((needed / frameEnd) * bodyBytes) - Math.max(needed, bodyBytes));

const widened = ({ bytes, count }: StagedLines): StagedLines => {
  const frames = toRfc5424({ bytes, count, form: "logplex" });
  return { bytes: frames.bytes, count, placesAt: (base) => placesAt(frames, base) };
};

// A PROCID with other characters could make a head that looks like another line's.
function mendProcess(bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte <= space || byte > 0x7e || byte === closing) bytes[i] = questionMark;
  }
}
