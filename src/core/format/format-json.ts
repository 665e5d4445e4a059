/** Stored lines as JSON, one object per line, copied by the batch's line index. */
import { logOfBatch } from "../batch/batch.ts";
import type { LineCursor } from "../batch/line-cursor.ts";
import { cursorOver } from "../batch/line-index.ts";
import { levels } from "../message/level.ts";
import type { Formattable, Formatted, Formatting, Selection, Shape } from "./format.ts";
import { putJsonText } from "./json-text.ts";
import { OutBuffer } from "./out-buffer.ts";
import { textEnd } from "./text-end.ts";

/** Lines between two looks at the clock. */
const stepsBetween = 32;

const timeKey = Buffer.from('","time":');
const sourceKey = Buffer.from(',"source":');
const dynoKey = Buffer.from(',"dyno":');
const messageKeys = levels.map((level) => Buffer.from(`,"severity":"${level}","message":`));
const lineKey = Buffer.from(',"line":');
const idKey = Buffer.from("id: ");
const eventKey = Buffer.from('\ndata: {"position":"');
const objectKey = Buffer.from('{"position":"');
const lineEnd = Buffer.from("}\n");
const eventEnd = Buffer.from("}\n\n");
/** Everything around a line's fields, including its numbers. */
const frameBytesMax = 256;

export class JsonFormatting implements Formatting {
  readonly #batch: Formattable;
  readonly #events: boolean;
  readonly #selection: Selection;
  /** Positions in a batch differ only in the number of lines. */
  readonly #positionStart: Uint8Array;
  readonly #positionEnd: Uint8Array;
  readonly #cursor: LineCursor;
  readonly #out = new OutBuffer();
  #line = 0;
  #count = 0;

  constructor(batch: Formattable, { transport }: Shape, selection: Selection) {
    this.#batch = batch;
    this.#events = transport === "events";
    this.#selection = selection;
    this.#positionStart = Buffer.from("at" in batch ? batch.at : `${batch.sequence}.`, "latin1");
    this.#positionEnd = Buffer.from("at" in batch ? "" : logOfBatch(batch), "latin1");
    this.#cursor = cursorOver(batch);
    this.#cursor.passOver(selection.skip);
    this.#line = selection.skip;
  }

  go(isOver: () => boolean): Formatted | undefined {
    const { kept } = this.#selection;
    while (this.#cursor.next()) {
      const line = ++this.#line;
      if (kept?.[line - 1] === 0) continue;
      this.#put(line);
      if (this.#out.isPiece && line < this.#batch.count)
        return { bytes: this.#out.take(), count: this.#count + 1, rest: { skip: line } };
      if (++this.#count % stepsBetween === 0 && isOver()) return undefined;
    }
    return { bytes: this.#out.take(), count: this.#count };
  }

  #put(line: number): void {
    const out = this.#out;
    const batch = this.#batch;
    const cursor = this.#cursor;
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
    putJsonText(out, bytes, cursor.messageStart, textEnd(bytes, cursor));
    out.reserve(frameBytesMax);
    if (!("at" in batch)) {
      out.put(lineKey, 0, lineKey.length);
      out.putDecimal(batch.line + line - 1);
    }
    const end = this.#events ? eventEnd : lineEnd;
    out.put(end, 0, end.length);
  }

  #putPosition(line: number): void {
    const out = this.#out;
    out.put(this.#positionStart, 0, this.#positionStart.length);
    if (!("at" in this.#batch)) out.putDecimal(line);
    out.put(this.#positionEnd, 0, this.#positionEnd.length);
  }

  #putKey(key: Uint8Array): void {
    this.#out.reserve(key.length);
    this.#out.put(key, 0, key.length);
  }
}
