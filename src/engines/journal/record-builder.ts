/** Builds the record of one commit. Its buffers are reused for the next one. */
import {
  type Entry,
  entryBytes,
  type RecordHeader,
  recordHeaderBytes,
  writeEntryHeader,
  writeRecordHeader,
} from "./entry.ts";

/** Payloads up to this size are copied after their header; larger ones are written from where they are. */
const copiedBytesMax = 2048;
const slabBytesFirst = 64 * 1024;
/** A larger slab than this is dropped after its commit. */
const slabBytesKept = 1024 * 1024;

/** The place of an entry in its segment. */
export type EntryPlace = { readonly offset: number; readonly size: number };

export class RecordBuilder {
  #slab: Buffer = Buffer.allocUnsafeSlow(slabBytesFirst);
  /** Offsets in the slab: the end of what is written, and the end of what is in `#parts`. */
  #end = 0;
  #partsEnd = 0;
  #parts: Uint8Array[] = [];
  #entries = 0;
  #bytes = 0;
  #offset = 0;

  /** Begins a record at `offset` of its segment. */
  begin(offset: number): void {
    if (this.#slab.length > slabBytesKept) this.#slab = Buffer.allocUnsafeSlow(slabBytesFirst);
    this.#parts = [];
    this.#offset = offset;
    this.#end = recordHeaderBytes;
    this.#partsEnd = 0;
    this.#entries = 0;
    this.#bytes = recordHeaderBytes;
  }

  get entries(): number {
    return this.#entries;
  }

  add(entry: Entry): EntryPlace {
    const payload = entry.bytes;
    const size = entryBytes(entry, payload.length);
    const offset = this.#offset + this.#bytes;
    const isCopied = payload.length <= copiedBytesMax;
    this.#reserve(isCopied ? size : size - payload.length);
    this.#end = writeEntryHeader(this.#slab, this.#end, entry, offset);
    if (isCopied) {
      this.#slab.set(payload, this.#end);
      this.#end += payload.length;
    } else {
      this.#closePart();
      this.#parts.push(payload);
    }
    this.#entries++;
    this.#bytes += size;
    return { offset, size };
  }

  /** The finished record, valid until the next `begin`. */
  end(
    segment: number,
    commit: Pick<RecordHeader, "commit" | "ageMs" | "ranMs">,
  ): { readonly parts: readonly Uint8Array[]; readonly bytes: number } {
    this.#closePart();
    const record = { bytes: this.#bytes, entries: this.#entries, ...commit };
    writeRecordHeader(this.#parts[0] as Buffer, segment, record);
    return { parts: this.#parts, bytes: this.#bytes };
  }

  #closePart(): void {
    if (this.#end > this.#partsEnd) this.#parts.push(this.#slab.subarray(this.#partsEnd, this.#end));
    this.#partsEnd = this.#end;
  }

  // Finished parts stay in the old slab, which lives as long as they do.
  #reserve(more: number): void {
    if (this.#end + more <= this.#slab.length) return;
    const open = this.#slab.subarray(this.#partsEnd, this.#end);
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#slab.length * 2, open.length + more));
    larger.set(open);
    this.#slab = larger;
    this.#end = open.length;
    this.#partsEnd = 0;
  }
}
