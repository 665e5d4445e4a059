/** Counted frames for lines that came without heads: text, or values of JSON. */

import { OutBuffer } from "../../core/format/out-buffer.ts";
import { levelInFields, levels } from "../../core/message/level.ts";
import { hasManyValues, valuesMax } from "../../core/wire/json-elements.ts";
import { plainMalformed, tooManyFrames } from "../../errors/ingest.ts";

type PlainBounds = {
  readonly framesMax: number;
  /** Bytes of a JSON value. It is parsed in one go, and a longer one would hold everybody up; it makes no line. */
  readonly frameBytesMax: number;
};

const local7 = 23 * 8;
const info = 6;
const space = 0x20;
const lengthBytesMax = 11;

export class PlainFrames {
  readonly #process: string;
  readonly #bounds: PlainBounds;
  /** Heads of frames, by severity. */
  readonly #heads: Buffer[] = [];
  readonly #out = new OutBuffer();
  #count = 0;

  /** `process`: the PROCID of all frames. */
  constructor(process: string, bounds: PlainBounds) {
    this.#process = process;
    this.#bounds = bounds;
  }

  /** The memory that they take. */
  get roomBytes(): number {
    return this.#out.roomBytes;
  }

  /**
   * Takes the memory for so many frames of so many bytes of messages at once: memory that grows as they come is copied
   * each time, and copying megabytes holds everybody up.
   */
  expect(frames: number, messageBytes: number): void {
    this.#out.reserve(frames * (lengthBytesMax + this.#head(info).length) + messageBytes);
  }

  add(message: Uint8Array, severity = info): void {
    if (this.#count++ === this.#bounds.framesMax) throw tooManyFrames(this.#bounds.framesMax);
    const head = this.#head(severity);
    const out = this.#out;
    out.reserve(lengthBytesMax + head.length + message.length);
    out.putDecimal(head.length + message.length);
    out.putByte(space);
    out.put(head, 0, head.length);
    out.put(message, 0, message.length);
  }

  /** Adds a line of a body: a value of JSON, or blank. */
  addJson(message: Buffer, line: number): void {
    this.#check(message, `Line ${line}`);
    const text = message.toString();
    if (!/\S/.test(text)) return;
    parsed(text, `Line ${line}`);
    this.add(message, severityOf(text));
  }

  /** Adds a value of a document, as its text if it is a string, otherwise in its shortest form. */
  addValue(bytes: Buffer): void {
    this.#check(bytes, `Value ${this.#count + 1} of the body`);
    const value = parsed(bytes.toString(), "The body");
    const text = typeof value === "string" ? value : JSON.stringify(value);
    this.add(Buffer.from(text), severityOf(text));
  }

  /** Returns the frames in memory of their own. Nothing can be added afterwards. */
  take(): Buffer {
    return this.#out.take();
  }

  // Within these bounds a value is parsed in a millisecond or two.
  #check(value: Buffer, name: string): void {
    const { frameBytesMax } = this.#bounds;
    if (value.length > frameBytesMax) throw plainMalformed(`${name} is longer than ${frameBytesMax} bytes.`);
    if (hasManyValues(value)) throw plainMalformed(`${name} has more than ${valuesMax} values.`);
  }

  #head(severity: number): Buffer {
    this.#heads[severity] ??= Buffer.from(`<${local7 + severity}>1 - - - ${this.#process} - - `);
    return this.#heads[severity];
  }
}

function severityOf(text: string): number | undefined {
  const level = levelInFields(text);
  return level && levels.indexOf(level);
}

export const notJson = (name: string) => plainMalformed(`${name} is no JSON.`);

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson(name);
  }
}
