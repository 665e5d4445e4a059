/** Stored lines as text and as raw frames, plain or as events. */
import { logOfBatch } from "../batch/batch.ts";
import type { Formattable, Selection, Shape } from "./format.ts";
import { LineBreaks } from "./line-breaks.ts";
import { LineFormatting } from "./line-formatting.ts";
import { textEnd } from "./text-end.ts";

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const dataField = Buffer.from("data: ");
const bracket = Buffer.from("[");
const headEnd = Buffer.from("]: ");
const escapedNewline = Buffer.from("#012");
const escapedReturn = Buffer.from("#015");

export class TextFormatting extends LineFormatting {
  readonly #bytes: Uint8Array;
  readonly #isRaw: boolean;
  readonly #events: boolean;
  readonly #breaks: LineBreaks;
  /** Positions in a batch differ only in the number of lines. */
  readonly #idStart: Uint8Array;
  readonly #idEnd: Uint8Array;
  readonly #hasNumbers: boolean;

  constructor(batch: Formattable, { format, transport }: Shape, selection: Selection) {
    super(batch, selection);
    this.#bytes = batch.bytes;
    this.#isRaw = format === "raw";
    this.#events = transport === "events";
    this.#breaks = new LineBreaks(batch.bytes);
    this.#hasNumbers = !("at" in batch);
    this.#idStart = Buffer.from("at" in batch ? `id: ${batch.at}` : `id: ${batch.sequence}.`, "latin1");
    this.#idEnd = Buffer.from("at" in batch ? "\n" : `${logOfBatch(batch)}\n`, "latin1");
  }

  protected begin(line: number): void {
    const { out } = this;
    out.reserve(this.#idStart.length + this.#idEnd.length + 64);
    if (this.#events) {
      out.put(this.#idStart, 0, this.#idStart.length);
      if (this.#hasNumbers) out.putDecimal(line);
      out.put(this.#idEnd, 0, this.#idEnd.length);
      if (this.#isRaw) out.put(dataField, 0, dataField.length);
    }
    this.from = this.#isRaw ? this.cursor.headStart : this.cursor.messageStart;
  }

  protected goOn(_line: number, isOver: () => boolean): void {
    if (this.#isRaw) this.#putFrame(isOver);
    else this.#putPieces(isOver);
  }

  // A message of several lines becomes several lines: CR, LF and CRLF each end one (docs/spec/sessions.md#s4-2). Each
  // gets the head, so that no message can fake a line of somebody else.
  #putPieces(isOver: () => boolean): void {
    const { out } = this;
    const bytes = this.#bytes;
    const { cursor } = this;
    const end = textEnd(bytes, cursor);
    const headBytes = cursor.messageStart - cursor.headStart + 16;
    for (let from = this.from!; ; ) {
      const to = Math.min(end, this.#breaks.next(from));
      out.reserve(headBytes + to - from + 16);
      if (this.#events) out.put(dataField, 0, dataField.length);
      this.#putTextHead();
      out.put(bytes, from, to);
      out.putByte(newline);
      if (to >= end) break;
      from = bytes[to] === carriageReturn && to + 1 < end && bytes[to + 1] === newline ? to + 2 : to + 1;
      this.from = from;
      if (this.isEnough(isOver)) return;
    }
    if (this.#events) out.putByte(newline);
    this.from = undefined;
  }

  // A frame is one line, or one field of an event. A line break anywhere in it is written as rsyslog writes control
  // characters, `#012` or `#015`, so that what follows cannot pass for another frame or field.
  #putFrame(isOver: () => boolean): void {
    const { out } = this;
    const bytes = this.#bytes;
    const end = textEnd(bytes, this.cursor);
    for (let from = this.from!; ; ) {
      const to = Math.min(end, this.#breaks.next(from));
      out.reserve(to - from + 16);
      out.put(bytes, from, to);
      if (to >= end) break;
      out.put(bytes[to] === newline ? escapedNewline : escapedReturn, 0, escapedNewline.length);
      from = to + 1;
      this.from = from;
      if (this.isEnough(isOver)) return;
    }
    out.putByte(newline);
    if (this.#events) out.putByte(newline);
    this.from = undefined;
  }

  #putTextHead(): void {
    const { out } = this;
    const bytes = this.#bytes;
    const { cursor } = this;
    out.put(bytes, cursor.timeStart, cursor.timeEnd);
    out.putByte(space);
    out.put(bytes, cursor.sourceStart, cursor.sourceEnd);
    out.put(bracket, 0, bracket.length);
    out.put(bytes, cursor.processStart, cursor.processEnd);
    out.put(headEnd, 0, headEnd.length);
  }
}
