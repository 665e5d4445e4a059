/** A walk over stored lines: canonical frames back to back, as ingest wrote them. */

import { fieldEnd, scanPri } from "../wire/syslog.ts";
import type { Form } from "./batch.ts";
import { hostBytes, type LineIndex, placeShift, priMask, strictBit, timeStartAt } from "./line-places.ts";

const space = 0x20;
const noPlaces: Uint32Array = new Uint32Array(0);

/** Walks canonical frames; the fields are byte ranges of `bytes`. Allocates nothing per line, and can be reused. */
export class LineCursor {
  bytes: Uint8Array = new Uint8Array(0);
  form: Form = "logplex";
  /** The whole frame, including its length prefix. */
  start = 0;
  end = 0;
  /** At `<PRI>`. */
  headStart = 0;
  pri = 0;
  timeStart = 0;
  timeEnd = 0;
  sourceStart = 0;
  sourceEnd = 0;
  processStart = 0;
  processEnd = 0;
  msgidStart = 0;
  msgidEnd = 0;
  /** Empty range in the form `logplex`. */
  sdStart = 0;
  sdEnd = 0;
  messageStart = 0;
  /** True if the index says that a strict parser accepts every field (`strictBit`). False if frames are scanned. */
  isStrict = false;
  /** The message ends at the end of the frame. */
  get messageEnd(): number {
    return this.end;
  }

  #places = noPlaces;
  /** After the numbers of the last line; 0 if the frames are scanned. */
  #placesEnd = 0;
  #place = 0;

  /** Starts before the first frame of `bytes`. */
  open(bytes: Uint8Array, form: Form): this {
    this.bytes = bytes;
    this.form = form;
    this.start = 0;
    this.end = 0;
    this.isStrict = false;
    this.#placesEnd = 0;
    return this;
  }

  /** Starts before the first of `count` frames whose places are known. */
  openIndexed({ bytes, places }: LineIndex, count: number, form: Form): this {
    this.open(bytes, form);
    this.#places = places;
    this.#placesEnd = count << placeShift;
    this.#place = 0;
    return this;
  }

  /** Passes over lines whose places are known, at once. */
  passOver(lines: number): void {
    if (lines === 0) return;
    this.#place = Math.min(lines << placeShift, this.#placesEnd);
    this.end = this.#places[this.#place - 1]!;
  }

  /** Goes to the next frame; false at the end. Throws if the bytes are not canonical: the store is damaged. */
  next(): boolean {
    if (this.#placesEnd > 0) return this.#nextKnown();
    const { bytes } = this;
    if (this.end >= bytes.length) return false;
    this.start = this.end;
    let length = 0;
    let at = this.start;
    for (; bytes[at] !== space; at++) length = length * 10 + digitAt(bytes, at);
    this.headStart = at + 1;
    this.end = at + 1 + length;
    if (!(this.end <= bytes.length)) throw damaged();
    this.timeStart = scanPri(bytes, this.headStart, this.end, this) + 2;
    this.timeEnd = fieldEnd(bytes, this.timeStart, this.end);
    this.sourceStart = this.timeEnd + hostBytes;
    this.sourceEnd = fieldEnd(bytes, this.sourceStart, this.end);
    this.processStart = this.sourceEnd + 1;
    this.processEnd = fieldEnd(bytes, this.processStart, this.end);
    this.msgidStart = this.processEnd + 1;
    this.msgidEnd = fieldEnd(bytes, this.msgidStart, this.end);
    const hasHead = this.timeStart > this.headStart && this.timeEnd !== -1;
    if (!hasHead || this.msgidEnd === -1 || this.processEnd === -1 || this.sourceEnd === -1) throw damaged();
    this.sdStart = this.sdEnd = this.messageStart = this.msgidEnd + 1;
    if (this.form === "rfc5424") this.#passStructuredData();
    return true;
  }

  #nextKnown(): boolean {
    const places = this.#places;
    const at = this.#place;
    if (at === this.#placesEnd) return false;
    this.#place = at + (1 << placeShift);
    this.start = this.end;
    this.headStart = places[at]!;
    this.pri = places[at + 1]! & priMask;
    this.isStrict = (places[at + 1]! & strictBit) !== 0;
    this.timeStart = timeStartAt(this.bytes, this.headStart);
    this.timeEnd = places[at + 2]!;
    this.sourceStart = this.timeEnd + hostBytes;
    this.sourceEnd = places[at + 3]!;
    this.processStart = this.sourceEnd + 1;
    this.processEnd = places[at + 4]!;
    this.msgidStart = this.processEnd + 1;
    this.msgidEnd = places[at + 5]!;
    this.sdStart = this.msgidEnd + 1;
    this.messageStart = places[at + 6]!;
    this.sdEnd = this.form === "rfc5424" ? this.messageStart - 1 : this.sdStart;
    this.end = places[at + 7]!;
    return true;
  }

  #passStructuredData(): void {
    const { bytes, sdStart, end } = this;
    this.sdEnd = bytes[sdStart] === 0x2d ? sdStart + 1 : bracketsEnd(bytes, sdStart, end);
    if (this.sdEnd === -1) throw damaged();
    this.messageStart = this.sdEnd + 1;
  }
}

/**
 * The place after the elements in brackets at `at`, or -1. Ingest decided what is structured data by the rules of its
 * version; that is not judged again, so that all readers find the same end.
 */
function bracketsEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] === 0x5b) {
    for (i++; i < end && bytes[i] !== 0x5d; i++) if (bytes[i] === 0x5c) i++;
    if (i >= end) return -1;
    i++;
  }
  return i > at && (i === end || bytes[i] === space) ? i : -1;
}

// A length prefix ends at a space, or here: damaged bytes have no other end.
export function digitAt(bytes: Uint8Array, at: number): number {
  const digit = bytes[at]! - 0x30;
  if (!(digit >= 0 && digit <= 9)) throw damaged();
  return digit;
}

const damaged = () => new Error("stored lines are damaged: not canonical frames");
