/**
 * Keeps lines for which the queue has no room in files, first in, first out. A file is unlinked as soon as it is open,
 * so that nothing of it remains however this process ends, and only its owner could ever have read it. It is closed
 * when it has been read, so that files that never all become empty do not grow for ever.
 */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LineSource } from "./parcel.ts";

type SpilledLine = {
  readonly source: LineSource;
  readonly atMs: number;
  readonly bytes: Buffer;
  readonly whole: boolean;
};

/** A file, written up to `end`. */
type Part = { readonly file: number; end: number };

type SpillOptions = {
  /** For the files and the lines that are not in one yet, including 15 bytes for each line. */
  readonly bytesMax: number;
  /** A file that has reached this is followed by another. */
  readonly partBytesMax?: number;
  readonly folder?: string;
};

/** The length of the line, the number of its source, whole or not, the time. */
const headBytes = 4 + 2 + 1 + 8;
/** How much is written and read at a time. */
const blockBytes = 256 * 1024;
const partBytesMaxUsual = 64 * 1024 * 1024;

export class SpillFile {
  readonly #options: Required<SpillOptions>;
  readonly #sources: LineSource[] = [];
  /** Oldest first. */
  readonly #parts: Part[] = [];
  /** How far the oldest part has been read. */
  #readAt = 0;
  /** Lines after those in the files, not written yet. */
  #last: Buffer[] = [];
  #lastBytes = 0;
  /** Read from the files, but not returned yet. */
  #block: Buffer = Buffer.alloc(0);
  #lines = 0;
  #sinceMs = 0;

  constructor(options: SpillOptions) {
    this.#options = { partBytesMax: partBytesMaxUsual, folder: tmpdir(), ...options };
  }

  /** The number of waiting lines. */
  get lines(): number {
    return this.#lines;
  }

  /** No waiting line is older. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Takes a copy of `bytes[start, end)`; false if there is no room, here or on the disk. */
  add(line: Omit<SpilledLine, "bytes">, bytes: Uint8Array, start: number, end: number): boolean {
    let taken = this.#block.length + this.#lastBytes;
    for (const part of this.#parts) taken += part.end;
    if (taken + headBytes + (end - start) > this.#options.bytesMax) return false;
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
    if (this.#lines++ === 0) this.#sinceMs = line.atMs;
    return true;
  }

  /** Removes and returns the oldest line. Undefined: there is none, or those that wait cannot be read back. */
  shift(): SpilledLine | undefined {
    if (this.#lines === 0) return undefined;
    const head = this.#take(headBytes);
    const bytes = head && this.#take(head.readUInt32LE(0));
    const source = head && this.#sources[head.readUInt16LE(4)];
    if (bytes === undefined || source === undefined) return undefined;
    const line = { source, whole: head![6] === 1, atMs: head!.readDoubleLE(7), bytes };
    this.#sinceMs = line.atMs;
    this.#lines--;
    if (this.#lines === 0) this.discard();
    return line;
  }

  /** Forgets the waiting lines, without a look at them; returns how many there were. */
  discard(): number {
    const lines = this.#lines;
    for (const { file } of this.#parts.splice(0)) closeSync(file);
    this.#readAt = this.#lines = this.#lastBytes = 0;
    this.#last = [];
    this.#block = Buffer.alloc(0);
    return lines;
  }

  #numberOf(source: LineSource): number {
    const at = this.#sources.indexOf(source);
    return at === -1 ? this.#sources.push(source) - 1 : at;
  }

  #take(length: number): Buffer | undefined {
    while (this.#block.length < length) {
      const more = this.#more();
      if (more.length === 0) return undefined;
      this.#block = Buffer.concat([this.#block, more]);
    }
    const taken = this.#block.subarray(0, length);
    this.#block = this.#block.subarray(length);
    return taken;
  }

  // Empty: there is no more, or it cannot be read.
  #more(): Buffer {
    for (let oldest = this.#parts[0]; oldest !== undefined; oldest = this.#parts[0]) {
      const { file, end } = oldest;
      if (this.#readAt < end) {
        const more = Buffer.allocUnsafe(Math.min(blockBytes, end - this.#readAt));
        const read = readOrNothing(file, more, this.#readAt);
        this.#readAt += read;
        return more.subarray(0, read);
      }
      closeSync(file);
      this.#parts.shift();
      this.#readAt = 0;
    }
    const more = Buffer.concat(this.#last);
    this.#last = [];
    this.#lastBytes = 0;
    return more;
  }

  // Writes what is not in a file yet; false if that fails, and then it does not count as written.
  #write(): boolean {
    try {
      const part = this.#growing();
      const bytes = Buffer.concat(this.#last);
      for (let at = 0; at < bytes.length; )
        at += writeSync(part.file, bytes, at, bytes.length - at, part.end + at);
      part.end += bytes.length;
    } catch {
      return false;
    }
    this.#last = [];
    this.#lastBytes = 0;
    return true;
  }

  #growing(): Part {
    const newest = this.#parts.at(-1);
    if (newest !== undefined && newest.end < this.#options.partBytesMax) return newest;
    const part = { file: opened(this.#options.folder), end: 0 };
    this.#parts.push(part);
    return part;
  }
}

function readOrNothing(file: number, into: Buffer, at: number): number {
  try {
    return readSync(file, into, 0, into.length, at);
  } catch {
    return 0;
  }
}

function opened(folder: string): number {
  const path = join(folder, `tailrace-lines-${randomBytes(9).toString("hex")}`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
}
