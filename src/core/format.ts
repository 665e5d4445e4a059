/**
 * Stored lines as readers see them: text (docs/spec/sessions.md#s6-1), JSON (one object a line) and raw (the syslog frame
 * in one line), each as plain lines or as server-sent events. A batch is formatted at one go, in one growing buffer.
 */
import { logOfBatch, type Placed, type StoredBatch } from "./batch.ts";
import type { Kept } from "./line-filter.ts";
import { LineCursor } from "./lines.ts";
import { type Position, positionAt } from "./position.ts";

export type LineFormat = "text" | "json" | "raw";

/** `plain`: a line and a newline. `events`: one server-sent event a line, its position as the event's id. */
export type Transport = "plain" | "events";

/** How one kind of reader gets to see lines. */
export type Shape = { readonly format: LineFormat; readonly transport: Transport };

/** Which lines of a batch are shown: those kept, all without `kept`, but never the first `skip`. */
export type Selection = { readonly kept?: Kept | undefined; readonly skip: number };

/** `count` lines, ready to be sent. */
export type Formatted = { readonly bytes: Buffer; readonly count: number };

/** What of a batch a format needs. `at`: the position printed for every line, where they have none of their own. */
export type Formattable = Pick<StoredBatch, "bytes" | "count" | "form"> &
  (Placed | { readonly at: Position });

/** Syslog's own words, by severity (RFC 5424 §6.2.1, `syslog.conf`). */
const severities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const scratchBytesKept = 1 << 20;
const dataField = Buffer.from("data: ");
const bracket = Buffer.from("[");
const headEnd = Buffer.from("]: ");
const escapedNewline = Buffer.from("#012");
const escapedReturn = Buffer.from("#015");

const cursor = new LineCursor(); // formatting never interleaves: nothing here awaits
let scratch = Buffer.allocUnsafeSlow(1 << 16);
let written = 0;

const all: Selection = { skip: 0 };

/** The selected lines of `batch`. */
export function formatBatch(batch: Formattable, shape: Shape, selection: Selection = all): Formatted {
  return shape.format === "json" ? formatJson(batch, shape, selection) : formatBytes(batch, shape, selection);
}

// JSON has its own idea of bytes (UTF-8 alone, escapes), which V8 knows best: a string for each line.
function formatJson(batch: Formattable, { transport }: Shape, { kept, skip }: Selection): Formatted {
  let out = "";
  let count = 0;
  const bytes = asBuffer(batch.bytes);
  const log = "at" in batch ? "" : logOfBatch(batch);
  cursor.open(bytes, batch.form);
  for (let line = 1; cursor.next(); line++) {
    if (line <= skip || kept?.[line - 1] === 0) continue;
    const position = "at" in batch ? batch.at : positionAt(batch.sequence, line, log);
    const object = JSON.stringify({
      position,
      time: bytes.toString("utf8", cursor.timeStart, cursor.timeEnd),
      source: bytes.toString("utf8", cursor.sourceStart, cursor.sourceEnd),
      dyno: bytes.toString("utf8", cursor.processStart, cursor.processEnd),
      severity: severities[cursor.pri & 7],
      message: bytes.toString("utf8", cursor.messageStart, textEnd(bytes, cursor)),
    });
    out += transport === "events" ? `id: ${position}\ndata: ${object}\n\n` : `${object}\n`;
    count++;
  }
  return { bytes: Buffer.from(out), count };
}

function formatBytes(batch: Formattable, { format, transport }: Shape, { kept, skip }: Selection): Formatted {
  written = 0;
  let count = 0;
  const { bytes } = batch;
  const events = transport === "events";
  const breaks = new LineBreaks(bytes);
  // The positions of a batch differ in the number of lines alone.
  const idStart = Buffer.from("at" in batch ? `id: ${batch.at}` : `id: ${batch.sequence}.`, "latin1");
  const idEnd = Buffer.from("at" in batch ? "\n" : `${logOfBatch(batch)}\n`, "latin1");
  cursor.open(bytes, batch.form);
  for (let line = 1; cursor.next(); line++) {
    if (line <= skip || kept?.[line - 1] === 0) continue;
    count++;
    reserve(idStart.length + idEnd.length + cursor.end - cursor.headStart + 64);
    if (events) {
      put(idStart, 0, idStart.length);
      if (!("at" in batch)) putDecimal(line);
      put(idEnd, 0, idEnd.length);
    }
    if (format === "raw") putFrame(bytes, events, breaks);
    else putPieces(bytes, events, breaks);
  }
  const out = Buffer.allocUnsafeSlow(written); // its own memory: a cache counts it
  out.set(scratch.subarray(0, written));
  if (scratch.length > scratchBytesKept) scratch = Buffer.allocUnsafeSlow(1 << 16);
  return { bytes: out, count };
}

// A message of several lines becomes several lines: CR, LF and CRLF each end one (docs/spec/sessions.md#s4-2). Every one
// has the head, so that no message can write a line that looks as if somebody else had written it.
function putPieces(bytes: Uint8Array, events: boolean, breaks: LineBreaks): void {
  const end = textEnd(bytes, cursor);
  const headBytes = cursor.messageStart - cursor.headStart + 16;
  for (let from = cursor.messageStart; ; ) {
    const to = Math.min(end, breaks.next(from));
    reserve(headBytes + to - from + 16);
    if (events) put(dataField, 0, dataField.length);
    putTextHead(bytes);
    put(bytes, from, to);
    scratch[written++] = newline;
    if (to >= end) break;
    from = bytes[to] === carriageReturn && to + 1 < end && bytes[to + 1] === newline ? to + 2 : to + 1;
  }
  if (events) scratch[written++] = newline;
}

// A frame is one line, or one field of an event: a line break anywhere in it is written as rsyslog writes control
// characters, `#012` or `#015`, so that what follows it cannot pass for another frame or field.
function putFrame(bytes: Uint8Array, events: boolean, breaks: LineBreaks): void {
  const end = textEnd(bytes, cursor);
  if (events) put(dataField, 0, dataField.length);
  for (let from = cursor.headStart; ; ) {
    const to = Math.min(end, breaks.next(from));
    reserve(to - from + 16);
    put(bytes, from, to);
    if (to >= end) break;
    put(bytes[to] === newline ? escapedNewline : escapedReturn, 0, escapedNewline.length);
    from = to + 1;
  }
  scratch[written++] = newline;
  if (events) scratch[written++] = newline;
}

function putTextHead(bytes: Uint8Array): void {
  put(bytes, cursor.timeStart, cursor.timeEnd);
  scratch[written++] = space;
  put(bytes, cursor.sourceStart, cursor.sourceEnd);
  put(bracket, 0, bracket.length);
  put(bytes, cursor.processStart, cursor.processEnd);
  put(headEnd, 0, headEnd.length);
}

// Where the message ends without the newline that most senders put behind it.
function textEnd(bytes: Uint8Array, { messageStart, end }: LineCursor): number {
  if (end === messageStart || bytes[end - 1] !== newline) return end;
  return end - 1 > messageStart && bytes[end - 2] === carriageReturn ? end - 2 : end - 1;
}

// The next CR or LF of a whole batch, looked for natively; both are remembered, so a batch is searched once.
class LineBreaks {
  readonly #bytes: Uint8Array;
  #newline = -1;
  #carriageReturn = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The first at or behind `from`, which never goes back. */
  next(from: number): number {
    if (this.#newline < from) this.#newline = this.#find(newline, from);
    if (this.#carriageReturn < from) this.#carriageReturn = this.#find(carriageReturn, from);
    return Math.min(this.#newline, this.#carriageReturn);
  }

  #find(byte: number, from: number): number {
    const found = this.#bytes.indexOf(byte, from);
    return found === -1 ? Number.POSITIVE_INFINITY : found;
  }
}

function reserve(more: number): void {
  if (written + more <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(written + more, scratch.length * 2));
  larger.set(scratch.subarray(0, written));
  scratch = larger;
}

// Short stretches byte by byte: no call, no view.
function put(from: Uint8Array, start: number, end: number): void {
  if (end - start > 64) {
    scratch.set(from.subarray(start, end), written);
    written += end - start;
    return;
  }
  for (let i = start; i < end; i++) scratch[written++] = from[i]!;
}

function putDecimal(value: number): void {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let i = written + digits - 1; i >= written; i--) {
    scratch[i] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  written += digits;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
