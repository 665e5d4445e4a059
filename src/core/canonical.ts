/**
 * From what a sender wrote to what the log holds: `LEN <PRI>1 TIME host SOURCE PROCID - MSG`, SOURCE being the name
 * of the token. A frame with a MSGID or structured data keeps them, and its batch is of form `rfc5424`. A frame
 * that is no RFC 5424 becomes the message of a line of its own: what was acknowledged is not thrown away.
 */
import type { CanonicalLines, Form } from "./batch.ts";
import { scanFrame } from "./frame.ts";
import { toRfc5424 } from "./lines.ts";
import { SyslogHeader, scanHeader } from "./syslog.ts";

/** Why a body is not frames: `frame` counts from 0, `offset` in bytes. */
export type BadFraming = {
  readonly kind: "bad";
  readonly reason: "length_not_decimal" | "frame_too_long" | "truncated";
  readonly frame: number;
  readonly offset: number;
};

const space = 0x20;
const dash = 0x2d;
const hostAndSpace = Buffer.from(" host ");
const noRoom = Buffer.alloc(0);
const header = new SyslogHeader(); // scans never interleave: nothing here awaits

/** Collects canonical lines of one source. */
export class Canoniser {
  readonly #source: Buffer;
  #out: Uint8Array;
  #end = 0;
  #count = 0;
  #form: Form = "logplex";

  /** Writes into `out` from its start, and into a larger buffer when that does not do. */
  constructor(source: string, out: Uint8Array = Buffer.allocUnsafe(4096)) {
    this.#source = Buffer.from(` ${source} `, "latin1");
    this.#out = out;
  }

  /** Bytes of the lines collected so far. */
  get bytes(): number {
    return this.#end;
  }

  /** Lines collected so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds the frame [start, end) of `bytes`, which may be the buffer that is written to, as long as every frame
   * before it was added. `nowMs` is the time of a line that brings none.
   */
  add(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    this.#count++;
    const writableEnd = bytes === this.#out ? end : Number.POSITIVE_INFINITY; // what lies behind is not read yet
    if (!scanHeader(bytes, start, end, header)) {
      const line = textLine(bytes, start, end, nowMs);
      this.#write(line, line.length, writableEnd);
      return;
    }
    const hasMore = header.msgidEnd > header.msgidStart || header.sdEnd > header.sdStart;
    if (hasMore && this.#form === "logplex") this.#widen(bytes);
    this.#write(bytes, end, writableEnd);
  }

  /** Hands over the lines collected so far and starts anew in a new buffer. */
  take(frameId?: string): CanonicalLines {
    const lines = {
      bytes: this.#out.subarray(0, this.#end),
      count: this.#count,
      form: this.#form,
      ...(frameId !== undefined && { frameId }),
    };
    this.#out = noRoom;
    this.#end = 0;
    this.#count = 0;
    this.#form = "logplex";
    return lines;
  }

  // From here on lines keep MSGID and SD; those before it get nil ones.
  #widen(bytes: Uint8Array): void {
    const lines = this.#out.subarray(0, this.#end);
    const wide = toRfc5424({ bytes: lines, count: this.#count - 1, form: "logplex" }).bytes;
    this.#out = Buffer.allocUnsafe(Math.max(4096, wide.length + bytes.length));
    this.#out.set(wide);
    this.#end = wide.length;
    this.#form = "rfc5424";
  }

  // The fields move left to right, so in place nothing is overwritten before it was read, if none moves right.
  #write(bytes: Uint8Array, end: number, writableEnd: number): void {
    const {
      timeStart,
      timeEnd,
      processStart,
      processEnd,
      msgidStart,
      msgidEnd,
      sdStart,
      sdEnd,
      messageStart,
    } = header;
    const wide = this.#form === "rfc5424";
    const priBytes = header.pri < 10 ? 1 : header.pri < 100 ? 2 : 3;
    const msgidBytes = wide ? Math.max(1, msgidEnd - msgidStart) : 1;
    const sdBytes = wide ? Math.max(1, sdEnd - sdStart) + 1 : 0;
    const timeAt = priBytes + 4; // <PRI>1␠
    const processAt = timeAt + (timeEnd - timeStart) + hostAndSpace.length - 1 + this.#source.length;
    const messageAt = processAt + (processEnd - processStart) + 1 + msgidBytes + 1 + sdBytes;
    const length = messageAt + (end - messageStart);
    const lengthBytes = decimalDigits(length) + 1;
    const headAt = this.#end + lengthBytes;
    const movesLeft =
      headAt + timeAt <= timeStart &&
      headAt + processAt <= processStart &&
      headAt + messageAt <= messageStart;
    const fits = headAt + length <= writableEnd && (bytes !== this.#out || movesLeft);
    const out = this.#reserve(lengthBytes + length, fits);

    writeDecimal(out, this.#end, lengthBytes - 1, length);
    out[headAt - 1] = space;
    out[headAt] = 0x3c;
    writeDecimal(out, headAt + 1, priBytes, header.pri);
    out[headAt + priBytes + 1] = 0x3e;
    out[headAt + priBytes + 2] = 0x31;
    out[headAt + priBytes + 3] = space;
    let at = copy(out, headAt + timeAt, bytes, timeStart, timeEnd);
    at = copy(out, at, hostAndSpace, 0, hostAndSpace.length - 1);
    at = copy(out, at, this.#source, 0, this.#source.length);
    at = copy(out, at, bytes, processStart, processEnd);
    out[at++] = space;
    if (wide && msgidEnd > msgidStart) at = copy(out, at, bytes, msgidStart, msgidEnd);
    else out[at++] = dash;
    out[at++] = space;
    if (wide) {
      if (sdEnd > sdStart) at = copy(out, at, bytes, sdStart, sdEnd);
      else out[at++] = dash;
      out[at++] = space;
    }
    this.#end = copy(out, at, bytes, messageStart, end);
  }

  // Room for `more` bytes behind what is written; a new buffer when this one is too small or still being read.
  #reserve(more: number, fits: boolean): Uint8Array {
    const needed = this.#end + more;
    if (fits && needed <= this.#out.length) return this.#out;
    // What a body could not take in place takes little more; what grows frame by frame doubles.
    const spare = fits ? this.#out.length : this.#out.length >> 3;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length) + spare + 1024);
    larger.set(this.#out.subarray(0, this.#end));
    this.#out = larger;
    return larger;
  }
}

/**
 * Canonises a whole body of octet-counted frames of one source, in the body's own memory where the lines fit:
 * `body` must not be used afterwards. When any of it is no frame, nothing of it counts.
 */
export function canoniseBody(
  body: Uint8Array,
  source: string,
  options: { readonly frameBytesMax: number; readonly nowMs: number; readonly frameId?: string },
): { readonly kind: "lines"; readonly lines: CanonicalLines } | BadFraming {
  const canoniser = new Canoniser(source, body);
  for (let at = 0; at < body.length; ) {
    const scan = scanFrame(body, at, options.frameBytesMax);
    if (scan.kind !== "frame") {
      const reason = scan.kind === "more" ? "truncated" : scan.reason;
      return { kind: "bad", reason, frame: canoniser.count, offset: at };
    }
    canoniser.add(body, scan.start, scan.end, options.nowMs);
    at = scan.end;
  }
  return { kind: "lines", lines: canoniser.take(options.frameId) };
}

/**
 * Where the APPNAME of a frame lies, `logplex.md` §4.3: the fourth field, runs of spaces counting as one.
 * Undefined when the frame has no fourth field.
 */
export function appNameOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): { start: number; end: number } | undefined {
  let at = start;
  for (let field = 0; field < 4; field++) {
    while (at < end && bytes[at] === space) at++;
    const fieldStart = at;
    while (at < end && bytes[at] !== space) at++;
    if (field === 3) return at > fieldStart ? { start: fieldStart, end: at } : undefined;
  }
  return undefined;
}

/** A line of no known form, ready for `#write`: the whole of it is the message. */
function textLine(bytes: Uint8Array, start: number, end: number, nowMs: number): Uint8Array {
  const head = Buffer.from(`<190>1 ${syslogTime(nowMs)} - - - - - `);
  const line = Buffer.concat([head, bytes.subarray(start, end)]);
  scanHeader(line, 0, line.length, header);
  return line;
}

/** RFC 3339 with six decimals and `+00:00`, as every line of the platform has it. */
export const syslogTime = (timeMs: number): string =>
  new Date(timeMs).toISOString().replace("Z", "000+00:00");

const decimalDigits = (value: number): number =>
  value < 100
    ? value < 10
      ? 1
      : 2
    : value < 1000
      ? 3
      : value < 10_000
        ? 4
        : value < 100_000
          ? 5
          : value < 1_000_000
            ? 6
            : 7;

function writeDecimal(out: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    out[i] = 0x30 + (rest % 10);
    rest = (rest / 10) | 0;
  }
}

// Short fields byte by byte (no call, no view), long ones natively; both move overlapping bytes to the left rightly.
function copy(out: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  if (out === from && at === start) return end;
  if (end - start <= 48) {
    let to = at;
    for (let i = start; i < end; i++) out[to++] = from[i]!;
    return to;
  }
  if (out === from) out.copyWithin(at, start, end);
  else out.set(from.subarray(start, end), at);
  return at + end - start;
}
