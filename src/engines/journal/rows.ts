/**
 * Where batches lie in a segment: rows of five numbers, those of one channel together and in the order of its lines.
 * One flat array: a channel with one batch costs one small object, and a file holds the rows as they are.
 */

/** Of one batch: running number of its first line, bytes of the channel before it, when it was accepted, its place. */
export type Row = {
  readonly line: number;
  readonly bytesBefore: number;
  readonly acceptedAtMs: number;
  readonly offset: number;
  readonly size: number;
};

const fields = 5;
const rowsFirst = 2;
export const rowBytes = fields * Float64Array.BYTES_PER_ELEMENT;

/** Rows, oldest first. Grows at its end. */
export class Rows {
  #values: Float64Array;
  #count: number;

  constructor(values = new Float64Array(rowsFirst * fields), count = 0) {
    this.#values = values;
    this.#count = count;
  }

  /** Rows as a file holds them; `bytes` is copied. */
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

  /** As a file holds them. A view. */
  encode(): Buffer {
    return Buffer.from(this.#values.buffer, this.#values.byteOffset, this.#count * rowBytes);
  }
}
