/**
 * Stored lines as readers see them: text (docs/spec/sessions.md#s6-1), JSON (one object per line) and raw (the syslog
 * frame on one line), each as plain lines or as server-sent events. A batch is formatted at once or in steps, since
 * half a megabyte may take a tenth of a second, and piece by piece, since a line of 256 KiB may be 45 MB of text: each of
 * its line breaks begins a line with a head of its own.
 */
import { logOfBatch, type Placed } from "../batch/batch.ts";
import type { LineCursor } from "../batch/line-cursor.ts";
import { cursorOver, type IndexedFrames } from "../batch/line-index.ts";
import type { Kept } from "../filter/line-filter.ts";
import type { Position } from "../position.ts";
import { JsonFormatting } from "./format-json.ts";
import { LineBreaks } from "./line-breaks.ts";
import { OutBuffer } from "./out-buffer.ts";
import { textEnd } from "./text-end.ts";

export type LineFormat = "text" | "json" | "raw";

/** `plain`: a line and a newline. `events`: one server-sent event per line, with its position as the event's id. */
export type Transport = "plain" | "events";

/** The look of lines for one kind of reader. */
export type Shape = { readonly format: LineFormat; readonly transport: Transport };

/** A place in a batch: after `skip` lines, or with `byte` in the middle of the next one, where the rest of it begins. */
type Place = { readonly skip: number; readonly byte?: number | undefined };

/** The lines of a batch to show: those in `kept`, or all without it, but none before the place. */
export type Selection = Place & { readonly kept?: Kept | undefined };

/** `count` lines, ready to be sent; with `rest` they are a piece, and the others follow from that place. */
export type Formatted = { readonly bytes: Buffer; readonly count: number; readonly rest?: Place | undefined };

/**
 * The fields of a batch that a format needs. `at`: the position to print for every line, if lines have none of their
 * own.
 */
export type Formattable = IndexedFrames & (Placed | { readonly at: Position });

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const dataField = Buffer.from("data: ");
const bracket = Buffer.from("[");
const headEnd = Buffer.from("]: ");
const escapedNewline = Buffer.from("#012");
const escapedReturn = Buffer.from("#015");

/** Lines, or parts of a long one, between two looks at the clock. */
const stepsBetween = 32;

const all: Selection = { skip: 0 };
const never = () => false;

/** The selected lines of `batch`. */
export function formatBatch(batch: Formattable, shape: Shape, selection: Selection = all): Formatted {
  let piece = formattingOf(batch, shape, selection).go(never)!;
  if (piece.rest === undefined) return piece;
  const pieces = [piece];
  while (piece.rest !== undefined) {
    piece = formattingOf(batch, shape, { ...selection, ...piece.rest }).go(never)!;
    pieces.push(piece);
  }
  const count = pieces.reduce((sum, { count }) => sum + count, 0);
  return { bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)), count };
}

/** Formats a batch in several runs if necessary. */
export type Formatting = {
  /** Continues until `isOver`, or to the end of the lines or of a piece, and then returns the result. */
  go(isOver: () => boolean): Formatted | undefined;
};

export const formattingOf = (batch: Formattable, shape: Shape, selection: Selection): Formatting =>
  shape.format === "json"
    ? new JsonFormatting(batch, shape, selection)
    : new ByteFormatting(batch, shape, selection);

class ByteFormatting implements Formatting {
  readonly #bytes: Uint8Array;
  readonly #lines: number;
  readonly #isRaw: boolean;
  readonly #events: boolean;
  readonly #selection: Selection;
  readonly #breaks: LineBreaks;
  /** Positions in a batch differ only in the number of lines. */
  readonly #idStart: Uint8Array;
  readonly #idEnd: Uint8Array;
  readonly #hasNumbers: boolean;
  readonly #cursor: LineCursor;
  readonly #out = new OutBuffer();
  #line = 0;
  #count = 0;
  #steps = 0;
  /** In the middle of a line: where the rest of it begins. */
  #from: number | undefined;

  constructor(batch: Formattable, { format, transport }: Shape, selection: Selection) {
    this.#bytes = batch.bytes;
    this.#lines = batch.count;
    this.#isRaw = format === "raw";
    this.#events = transport === "events";
    this.#selection = selection;
    this.#breaks = new LineBreaks(batch.bytes);
    this.#hasNumbers = !("at" in batch);
    this.#idStart = Buffer.from("at" in batch ? `id: ${batch.at}` : `id: ${batch.sequence}.`, "latin1");
    this.#idEnd = Buffer.from("at" in batch ? "\n" : `${logOfBatch(batch)}\n`, "latin1");
    this.#cursor = cursorOver(batch);
    this.#cursor.passOver(selection.skip);
    this.#line = selection.skip;
  }

  go(isOver: () => boolean): Formatted | undefined {
    const { kept, skip, byte } = this.#selection;
    while (this.#from !== undefined || this.#cursor.next()) {
      if (this.#from === undefined) {
        const line = ++this.#line;
        if (kept?.[line - 1] === 0) continue;
        if (line === skip + 1 && byte !== undefined) this.#from = byte;
        else this.#begin(line);
      }
      const isWhole = this.#isRaw ? this.#putFrame(isOver) : this.#putPieces(isOver);
      if (this.#out.isPiece && !(isWhole && this.#line === this.#lines)) break;
      if (!isWhole || this.#isTimeUp(isOver)) return undefined;
    }
    return { bytes: this.#out.take(), count: this.#count, rest: this.#rest() };
  }

  #rest(): Place | undefined {
    if (this.#from !== undefined) return { skip: this.#line - 1, byte: this.#from };
    return this.#line < this.#lines ? { skip: this.#line } : undefined;
  }

  #isTimeUp(isOver: () => boolean): boolean {
    return ++this.#steps % stepsBetween === 0 && isOver();
  }

  #begin(line: number): void {
    const out = this.#out;
    this.#count++;
    out.reserve(this.#idStart.length + this.#idEnd.length + 64);
    if (this.#events) {
      out.put(this.#idStart, 0, this.#idStart.length);
      if (this.#hasNumbers) out.putDecimal(line);
      out.put(this.#idEnd, 0, this.#idEnd.length);
      if (this.#isRaw) out.put(dataField, 0, dataField.length);
    }
    this.#from = this.#isRaw ? this.#cursor.headStart : this.#cursor.messageStart;
  }

  // A message of several lines becomes several lines: CR, LF and CRLF each end one (docs/spec/sessions.md#s4-2). Each
  // gets the head, so that no message can fake a line of somebody else.
  #putPieces(isOver: () => boolean): boolean {
    const out = this.#out;
    const bytes = this.#bytes;
    const cursor = this.#cursor;
    const end = textEnd(bytes, cursor);
    const headBytes = cursor.messageStart - cursor.headStart + 16;
    for (let from = this.#from!; ; ) {
      const to = Math.min(end, this.#breaks.next(from));
      out.reserve(headBytes + to - from + 16);
      if (this.#events) out.put(dataField, 0, dataField.length);
      this.#putTextHead();
      out.put(bytes, from, to);
      out.putByte(newline);
      if (to >= end) break;
      from = bytes[to] === carriageReturn && to + 1 < end && bytes[to + 1] === newline ? to + 2 : to + 1;
      this.#from = from;
      if (out.isPiece || this.#isTimeUp(isOver)) return false;
    }
    if (this.#events) out.putByte(newline);
    this.#from = undefined;
    return true;
  }

  // A frame is one line, or one field of an event. A line break anywhere in it is written as rsyslog writes control
  // characters, `#012` or `#015`, so that what follows cannot pass for another frame or field.
  #putFrame(isOver: () => boolean): boolean {
    const out = this.#out;
    const bytes = this.#bytes;
    const end = textEnd(bytes, this.#cursor);
    for (let from = this.#from!; ; ) {
      const to = Math.min(end, this.#breaks.next(from));
      out.reserve(to - from + 16);
      out.put(bytes, from, to);
      if (to >= end) break;
      out.put(bytes[to] === newline ? escapedNewline : escapedReturn, 0, escapedNewline.length);
      from = to + 1;
      this.#from = from;
      if (out.isPiece || this.#isTimeUp(isOver)) return false;
    }
    out.putByte(newline);
    if (this.#events) out.putByte(newline);
    this.#from = undefined;
    return true;
  }

  #putTextHead(): void {
    const out = this.#out;
    const bytes = this.#bytes;
    const cursor = this.#cursor;
    out.put(bytes, cursor.timeStart, cursor.timeEnd);
    out.putByte(space);
    out.put(bytes, cursor.sourceStart, cursor.sourceEnd);
    out.put(bracket, 0, bracket.length);
    out.put(bytes, cursor.processStart, cursor.processEnd);
    out.put(headEnd, 0, headEnd.length);
  }
}
