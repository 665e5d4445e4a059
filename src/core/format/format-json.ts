/** Stored lines as JSON, one object per line, copied by the batch's line index. */
import { logOfBatch } from "../batch/batch.ts";
import { levels } from "../message/level.ts";
import type { Formattable, Selection, Shape } from "./format.ts";
import { partEnd, putJsonChars, putJsonText } from "./json-text.ts";
import { LineFormatting } from "./line-formatting.ts";
import { textEnd } from "./text-end.ts";

const timeKey = Buffer.from('","time":');
const sourceKey = Buffer.from(',"source":');
const dynoKey = Buffer.from(',"dyno":');
const messageKeys = levels.map((level) => Buffer.from(`,"severity":"${level}","message":"`));
const messageEnd = Buffer.from('"');
const lineKey = Buffer.from(',"line":');
const idKey = Buffer.from("id: ");
const eventKey = Buffer.from('\ndata: {"position":"');
const objectKey = Buffer.from('{"position":"');
const lineEnd = Buffer.from("}\n");
const eventEnd = Buffer.from("}\n\n");
/** Everything around a line's fields, including its numbers. */
const frameBytesMax = 256;

export class JsonFormatting extends LineFormatting {
  readonly #batch: Formattable;
  readonly #events: boolean;
  /** Positions in a batch differ only in the number of lines. */
  readonly #positionStart: Uint8Array;
  readonly #positionEnd: Uint8Array;

  constructor(batch: Formattable, { transport }: Shape, selection: Selection) {
    super(batch, selection);
    this.#batch = batch;
    this.#events = transport === "events";
    this.#positionStart = Buffer.from("at" in batch ? batch.at : `${batch.sequence}.`, "latin1");
    this.#positionEnd = Buffer.from("at" in batch ? "" : logOfBatch(batch), "latin1");
  }

  protected begin(line: number): void {
    const { out, cursor } = this;
    const { bytes } = cursor;
    out.reserve(frameBytesMax + 2 * (this.#positionStart.length + this.#positionEnd.length));
    if (this.#events) {
      out.put(idKey, 0, idKey.length);
      this.#putPosition(line);
      out.put(eventKey, 0, eventKey.length);
    } else out.put(objectKey, 0, objectKey.length);
    this.#putPosition(line);
    out.put(timeKey, 0, timeKey.length);
    putJsonText(out, bytes, cursor.timeStart, cursor.timeEnd);
    this.#putKey(sourceKey);
    putJsonText(out, bytes, cursor.sourceStart, cursor.sourceEnd);
    this.#putKey(dynoKey);
    putJsonText(out, bytes, cursor.processStart, cursor.processEnd);
    this.#putKey(messageKeys[cursor.pri & 7]!);
    this.from = cursor.messageStart;
  }

  // A line of control characters is six times as long as JSON.
  protected goOn(line: number, isOver: () => boolean): void {
    const { out, cursor } = this;
    const end = textEnd(cursor.bytes, cursor);
    for (let from = this.from!; ; ) {
      const to = partEnd(cursor.bytes, from, end);
      putJsonChars(out, cursor.bytes, from, to);
      if (to >= end) break;
      this.from = from = to;
      if (this.isEnough(isOver)) return;
    }
    this.#end(line);
    this.from = undefined;
  }

  #end(line: number): void {
    const { out } = this;
    out.reserve(frameBytesMax);
    out.put(messageEnd, 0, messageEnd.length);
    if (!("at" in this.#batch)) {
      out.put(lineKey, 0, lineKey.length);
      out.putDecimal(this.#batch.line + line - 1);
    }
    const end = this.#events ? eventEnd : lineEnd;
    out.put(end, 0, end.length);
  }

  #putPosition(line: number): void {
    const { out } = this;
    out.put(this.#positionStart, 0, this.#positionStart.length);
    if (!("at" in this.#batch)) out.putDecimal(line);
    out.put(this.#positionEnd, 0, this.#positionEnd.length);
  }

  #putKey(key: Uint8Array): void {
    this.out.reserve(key.length);
    this.out.put(key, 0, key.length);
  }
}
