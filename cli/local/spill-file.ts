/**
 * Keeps lines for which the queue has no room in a file, first in, first out. The file is unlinked as soon as it is
 * open, so that nothing of it remains however this process ends, and only its owner could ever have read it.
 */
import { randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LineSource } from "./parcel.ts";

type SpilledLine = {
  readonly source: LineSource;
  readonly atMs: number;
  readonly bytes: Buffer;
  readonly whole: boolean;
};

/** The length of the line, the number of its source, whole or not, the time. */
const headBytes = 4 + 2 + 1 + 8;
/** How much is written and read at a time. */
const blockBytes = 256 * 1024;

export class SpillFile {
  readonly #bytesMax: number;
  readonly #folder: string;
  readonly #sources: LineSource[] = [];
  #file: number | undefined;
  /** The part of the file that holds waiting lines: [#readAt, #writtenAt). */
  #readAt = 0;
  #writtenAt = 0;
  /** Lines after those in the file, not written yet. */
  #last: Buffer[] = [];
  #lastBytes = 0;
  /** Read from the file, but not returned yet. */
  #block: Buffer = Buffer.alloc(0);
  #lines = 0;

  /** `bytesMax`: for the waiting lines, including 15 bytes for each. */
  constructor({ bytesMax, folder = tmpdir() }: { readonly bytesMax: number; readonly folder?: string }) {
    this.#bytesMax = bytesMax;
    this.#folder = folder;
  }

  /** The number of waiting lines. */
  get lines(): number {
    return this.#lines;
  }

  /** Takes a copy of `bytes[start, end)`; false if there is no room, here or on the disk. */
  add(line: Omit<SpilledLine, "bytes">, bytes: Uint8Array, start: number, end: number): boolean {
    const waiting = this.#writtenAt - this.#readAt + this.#block.length + this.#lastBytes;
    if (waiting + headBytes + (end - start) > this.#bytesMax) return false;
    const record = Buffer.allocUnsafe(headBytes + end - start);
    record.writeUInt32LE(end - start, 0);
    record.writeUInt16LE(this.#numberOf(line.source), 4);
    record[6] = line.whole ? 1 : 0;
    record.writeDoubleLE(line.atMs, 7);
    record.set(bytes.subarray(start, end), headBytes);
    this.#last.push(record);
    this.#lastBytes += record.length;
    if (this.#lastBytes >= blockBytes && !this.#write()) {
      this.#last.pop();
      this.#lastBytes -= record.length;
      return false;
    }
    this.#lines++;
    return true;
  }

  /** Removes and returns the oldest line. */
  shift(): SpilledLine | undefined {
    if (this.#lines === 0) return undefined;
    this.#lines--;
    const head = this.#take(headBytes);
    const bytes = this.#take(head.readUInt32LE(0));
    const line = {
      source: this.#sources[head.readUInt16LE(4)]!,
      whole: head[6] === 1,
      atMs: head.readDoubleLE(7),
      bytes,
    };
    if (this.#lines === 0) this.#empty();
    return line;
  }

  /** Idempotent. Waiting lines are discarded. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#lines = 0;
  }

  #numberOf(source: LineSource): number {
    const at = this.#sources.indexOf(source);
    return at === -1 ? this.#sources.push(source) - 1 : at;
  }

  #take(length: number): Buffer {
    while (this.#block.length < length) {
      const inFile = this.#writtenAt - this.#readAt;
      if (inFile === 0) {
        this.#block = Buffer.concat([this.#block, ...this.#last]);
        this.#last = [];
        this.#lastBytes = 0;
      } else {
        const more = Buffer.allocUnsafe(Math.min(blockBytes, inFile));
        const read = readSync(this.#file!, more, 0, more.length, this.#readAt);
        this.#readAt += read;
        this.#block = Buffer.concat([this.#block, more.subarray(0, read)]);
      }
    }
    const taken = this.#block.subarray(0, length);
    this.#block = this.#block.subarray(length);
    return taken;
  }

  // Writes what is not in the file yet; false if that fails, and then it does not count as written.
  #write(): boolean {
    try {
      this.#file ??= opened(this.#folder);
      const bytes = Buffer.concat(this.#last);
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#file, bytes, at, bytes.length - at, this.#writtenAt + at);
      this.#writtenAt += bytes.length;
    } catch {
      return false;
    }
    this.#last = [];
    this.#lastBytes = 0;
    return true;
  }

  #empty(): void {
    if (this.#file !== undefined) ftruncateSync(this.#file);
    this.#readAt = this.#writtenAt = 0;
    this.#block = Buffer.alloc(0);
  }
}

function opened(folder: string): number {
  const path = join(folder, `tailrace-lines-${randomBytes(9).toString("hex")}`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
}
