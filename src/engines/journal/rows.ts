/**
 * Rows say where batches lie in a segment: five numbers for each, those of one channel together and in the order of
 * its lines. They are one flat array, so that a channel with one batch costs one small object, and so that files hold
 * rows as they are.
 */

import { crc32 } from "node:zlib";

/**
 * One batch: the running number of its first line, the channel's bytes before it, when it was accepted, and its
 * place.
 */
export type Row = {
  readonly line: number;
  readonly bytesBefore: number;
  readonly acceptedAtMs: number;
  readonly offset: number;
  readonly size: number;
};

const fields = 5;
const rowsFirst = 1;
const rowBytes = fields * Float64Array.BYTES_PER_ELEMENT;
/** Rows of one page, which is read and verified as a whole. */
const pageRows = 64;
/** A checksum of four bytes, and four unused ones, so that rows are aligned to eight bytes. */
const checksumBytes = 8;

/** Rows, oldest first. Grows at its end. */
export class Rows {
  #values: Float64Array;
  #count: number;

  constructor(values = new Float64Array(rowsFirst * fields), count = 0) {
    this.#values = values;
    this.#count = count;
  }

  /** Decodes the rows of a file; copies `bytes`. */
  static decode(bytes: Buffer): Rows {
    const values = new Float64Array(bytes.length / Float64Array.BYTES_PER_ELEMENT);
    Buffer.from(values.buffer).set(bytes);
    return new Rows(values, values.length / fields);
  }

  get count(): number {
    return this.#count;
  }

  push(row: Row): void {
    const at = this.#count * fields;
    if (at === this.#values.length) {
      const larger = new Float64Array(at * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = row.line;
    this.#values[at + 1] = row.bytesBefore;
    this.#values[at + 2] = row.acceptedAtMs;
    this.#values[at + 3] = row.offset;
    this.#values[at + 4] = row.size;
    this.#count++;
  }

  at(index: number): Row {
    const at = index * fields;
    const values = this.#values;
    return {
      line: values[at]!,
      bytesBefore: values[at + 1]!,
      acceptedAtMs: values[at + 2]!,
      offset: values[at + 3]!,
      size: values[at + 4]!,
    };
  }

  /** Encodes the rows for a file: pages of `pageRows` rows, each followed by its checksum. */
  encode(): Buffer {
    const pages = Math.ceil(this.#count / pageRows);
    const out = Buffer.alloc(this.#count * rowBytes + pages * checksumBytes);
    const rows = Buffer.from(this.#values.buffer, this.#values.byteOffset, this.#count * rowBytes);
    for (let page = 0, at = 0; page < pages; page++) {
      const bytes = rows.subarray(page * pageRows * rowBytes, (page + 1) * pageRows * rowBytes);
      out.set(bytes, at);
      out.writeUInt32LE(crc32(bytes), at + bytes.length);
      at += bytes.length + checksumBytes;
    }
    return out;
  }
}

/** The bytes of `count` rows in a file. */
export const encodedRowsBytes = (count: number): number =>
  count * rowBytes + Math.ceil(count / pageRows) * checksumBytes;

/** The page of row `index` among `count` rows: where it begins, and its first row. */
export function pageOf(
  index: number,
  count: number,
): { readonly first: number; readonly at: number; readonly bytes: number } {
  const page = Math.floor(index / pageRows);
  const first = page * pageRows;
  const bytes = Math.min(pageRows, count - first) * rowBytes + checksumBytes;
  return { first, at: page * (pageRows * rowBytes + checksumBytes), bytes };
}

/** Decodes a page; undefined when it is damaged. */
export function decodePage(bytes: Buffer): Rows | undefined {
  const rows = bytes.subarray(0, bytes.length - checksumBytes);
  return bytes.readUInt32LE(rows.length) === crc32(rows) ? Rows.decode(rows) : undefined;
}
