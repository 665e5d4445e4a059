/** As much of protobuf's wire format as OTLP logs need: varints, 64-bit values, and length-delimited fields. */

/** Writes fields one after another into a buffer that grows. */
export class ProtoWriter {
  #out = Buffer.allocUnsafe(1024);
  #end = 0;

  get length(): number {
    return this.#end;
  }

  /** A varint field, for values below 2^53. */
  uint(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field << 3);
    this.#varint(value);
  }

  fixed64(field: number, value: bigint): void {
    this.#reserve(18);
    this.#varint((field << 3) | 1);
    this.#end = this.#out.writeBigUInt64LE(value, this.#end);
  }

  string(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.head(field, length);
    this.#end += this.#out.write(text, this.#end);
  }

  /** A message that is already written. */
  message(field: number, { bytes }: { readonly bytes: Uint8Array }): void {
    this.head(field, bytes.length);
    this.#out.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The tag and length of a field whose `length` bytes follow. */
  head(field: number, length: number): void {
    this.#reserve(20 + length);
    this.#varint((field << 3) | 2);
    this.#varint(length);
  }

  get bytes(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  clear(): this {
    this.#end = 0;
    return this;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#out[this.#end++] = (rest % 0x80) | 0x80;
    this.#out[this.#end++] = rest;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#end + more, this.#out.length * 2));
    larger.set(this.#out.subarray(0, this.#end));
    this.#out = larger;
  }
}

/** Reads fields by number. Throws a RangeError for bytes that are not a message. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  readonly #isCut: boolean;
  #at = 0;

  /** `isCut`: these are only the first bytes of a message; the field at their end is returned as far as it goes. */
  constructor(bytes: Uint8Array, isCut = false) {
    this.#bytes = bytes;
    this.#isCut = isCut;
  }

  /** The last value of the field, as protobuf requires: a number for varint and fixed fields, bytes for the others. */
  last(wanted: number): bigint | Uint8Array | undefined {
    let found: bigint | Uint8Array | undefined;
    for (this.#at = 0; this.#at < this.#bytes.length; ) {
      try {
        const tag = Number(this.#varint());
        const value = this.#value(tag & 7);
        if (tag >> 3 === wanted) found = value;
      } catch (failure) {
        if (this.#isCut) break;
        throw failure;
      }
    }
    return found;
  }

  #value(type: number): bigint | Uint8Array {
    if (type === 0) return BigInt.asIntN(64, this.#varint());
    const length = type === 1 ? 8 : type === 5 ? 4 : type === 2 ? Number(this.#varint()) : Number.NaN;
    const end = this.#at + length;
    if (!(end <= this.#bytes.length || (this.#isCut && type === 2)))
      throw new RangeError("no protobuf message");
    const start = this.#at;
    this.#at = Math.min(end, this.#bytes.length);
    return this.#bytes.subarray(start, this.#at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("no protobuf message");
  }
}
