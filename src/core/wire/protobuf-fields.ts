/** Walks over the fields of one protobuf message, which is [start, end) of some bytes. Copies nothing. */

/** Bytes that are no protobuf message. */
export class MalformedProtobuf extends Error {
  constructor() {
    super("no protobuf message");
  }
}

/** The wire types in use; groups (3, 4) are long obsolete. */
const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;
const varintBytesMax = 10;
/** Bytes of a varint, of 7 bits each, that fit exactly into a number. */
const septetsMax = 7;

export class ProtobufFields {
  readonly bytes: Buffer;
  readonly #end: number;
  #at: number;
  /** The number of the current field. */
  field = 0;
  #type = varint;
  /** The place of its value; for a text or message, that of its bytes. */
  start = 0;
  end = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Moves to the next field; false at the end. Throws `MalformedProtobuf`. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = Number(this.#varint());
    this.field = Math.floor(tag / 8);
    this.#type = tag % 8;
    if (this.field === 0) throw new MalformedProtobuf();
    const length = this.#lengthOf();
    this.start = this.#at;
    this.end = this.#at + length;
    if (!(this.end <= this.#end)) throw new MalformedProtobuf();
    this.#at = this.end;
    return true;
  }

  /** The value as a message. */
  message(): ProtobufFields {
    this.#must(lengthDelimited);
    return new ProtobufFields(this.bytes, this.start, this.end);
  }

  /** The value as UTF-8 text. */
  text(): string {
    this.#must(lengthDelimited);
    return this.bytes.toString("utf8", this.start, this.end);
  }

  /** The value's bytes, as a view. */
  content(): Buffer {
    this.#must(lengthDelimited);
    return this.bytes.subarray(this.start, this.end);
  }

  /** The value as an unsigned whole number, of any type. */
  unsigned(): bigint {
    if (this.#type === fixed64) return this.bytes.readBigUInt64LE(this.start);
    if (this.#type === fixed32) return BigInt(this.bytes.readUInt32LE(this.start));
    this.#must(varint);
    const low = this.#septets(this.start, Math.min(this.end, this.start + septetsMax));
    if (this.end - this.start <= septetsMax) return BigInt(low);
    const high = this.#septets(this.start + septetsMax, this.end);
    return BigInt.asUintN(64, BigInt(low) | (BigInt(high) << BigInt(7 * septetsMax)));
  }

  /** The value as a signed whole number. */
  signed(): bigint {
    return BigInt.asIntN(64, this.unsigned());
  }

  /** The value as a `double`. */
  double(): number {
    this.#must(fixed64);
    return this.bytes.readDoubleLE(this.start);
  }

  // The bytes of the value that begins here; for a varint, without moving past it.
  #lengthOf(): number {
    switch (this.#type) {
      case varint: {
        const start = this.#at;
        this.#varint();
        const length = this.#at - start;
        this.#at = start;
        return length;
      }
      case fixed64:
        return 8;
      case fixed32:
        return 4;
      case lengthDelimited:
        return Number(this.#varint());
      default:
        throw new MalformedProtobuf();
    }
  }

  #varint(): number {
    let value = 0;
    for (let length = 0; length < varintBytesMax; length++) {
      if (this.#at >= this.#end) break;
      const byte = this.bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** (7 * length); // exact up to 2^53: no length or tag is larger
      if (byte < 0x80) return value;
    }
    throw new MalformedProtobuf();
  }

  // The number in some bytes of a varint; a bigint for each of them would take microseconds.
  #septets(start: number, end: number): number {
    let value = 0;
    for (let at = end - 1; at >= start; at--) value = value * 128 + (this.bytes[at]! & 0x7f);
    return value;
  }

  #must(type: number): void {
    if (this.#type !== type) throw new MalformedProtobuf();
  }
}
