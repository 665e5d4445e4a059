/**
 * Sockets of a kernel that a test holds: what was sent waits in them until the server polls, and then each that is being read is
 * read as libuv does it, up to 32 times as long as reads are full.
 */
import { EventEmitter } from "node:events";
import { readBytesMax } from "../../src/sockets/socket-reads.ts";

const readsMax = 32;

type Next = (() => Buffer | undefined) | null;
type Take = (bytes: number, memory: Uint8Array) => boolean;

const insides = { memory: Symbol("kBuffer"), next: Symbol("kBufferGen"), take: Symbol("kBufferCb") };

export class KernelSocket extends EventEmitter {
  readonly readableEnded = false;
  readonly destroyed = false;
  readonly remoteAddress: string;
  readonly _handle: { readonly useUserBuffer: (() => void) | undefined };
  /** What was written into it, and in how many writes. */
  written = "";
  writes = 0;
  /** False: the client does not read what is written. */
  isRead = true;
  /** A read that is handed on in chunks: how long they are. One that the reader has paused before waits. */
  recordBytes = readBytesMax;
  /** How many bytes were handed on in chunks. */
  chunkBytes = 0;
  #decrypted: Buffer[] = [];
  #sent: Buffer[] = [];
  #isReading = false;

  /** `isShared`: as on a Node that lets us choose the memory of its reads. */
  constructor(remoteAddress = "10.0.0.1", isShared = true) {
    super();
    this.remoteAddress = remoteAddress;
    this._handle = { useUserBuffer: isShared ? () => {} : undefined };
    for (const symbol of Object.values(insides)) Object.assign(this, { [symbol]: null });
  }

  /** Bytes that were sent and not yet read. */
  get bytes(): number {
    return [...this.#sent, ...this.#decrypted].reduce((sum, { length }) => sum + length, 0);
  }

  send(bytes: Buffer): void {
    this.#sent.push(bytes);
  }

  /** Delivers what was sent, as far as it is wanted. Returns the number of reads. */
  poll(): number {
    const next = this.#inside<Next>(insides.next);
    const take = this.#inside<Take>(insides.take);
    let reads = 0;
    this.#handOn(Buffer.alloc(0));
    while (this.#isReading && this.#sent.length > 0 && reads < readsMax) {
      const memory = this.#inside<Buffer | null>(insides.memory) ?? Buffer.alloc(readBytesMax);
      const bytes = this.#readInto(memory);
      reads++;
      if (this._handle.useUserBuffer === undefined) this.#handOn(memory.subarray(0, bytes));
      else if (!take(bytes, memory)) this.#isReading = false;
      if (next !== null) Object.assign(this, { [insides.memory]: next() ?? memory });
      if (bytes < memory.length) break;
    }
    return reads;
  }

  override on(event: string, listener: (...args: never[]) => void): this {
    if (event === "data") this.resume();
    return super.on(event, listener as () => void);
  }

  resume(): void {
    this.#isReading = true;
  }

  pause(): void {
    this.#isReading = false;
  }

  write(text: string): boolean {
    this.written += text;
    this.writes++;
    return this.isRead;
  }

  setTimeout(): void {}
  destroy(): void {}
  read(): null {
    return null;
  }

  #handOn(read: Buffer): void {
    for (let at = 0; at < read.length; at += this.recordBytes)
      this.#decrypted.push(Buffer.from(read.subarray(at, at + this.recordBytes)));
    while (this.#isReading && this.#decrypted.length > 0) {
      const chunk = this.#decrypted.shift()!;
      this.chunkBytes += chunk.length;
      this.emit("data", chunk);
    }
  }

  #inside<Value>(symbol: symbol): Value {
    return (this as unknown as Record<symbol, Value>)[symbol]!;
  }

  #readInto(memory: Buffer): number {
    let at = 0;
    while (at < memory.length && this.#sent.length > 0) {
      const first = this.#sent[0]!;
      const copied = first.copy(memory, at);
      at += copied;
      if (copied === first.length) this.#sent.shift();
      else this.#sent[0] = first.subarray(copied);
    }
    return at;
  }
}
