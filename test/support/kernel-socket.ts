/**
 * Sockets of a kernel that a test holds: what was sent waits in them until the server polls, and then each that is being read is
 * read as libuv does it, up to 32 times as long as reads are full.
 */
import { EventEmitter } from "node:events";

const readsMax = 32;

type Next = (() => Buffer | undefined) | null;
type Take = (bytes: number, memory: Uint8Array) => boolean;

const insides = { memory: Symbol("kBuffer"), next: Symbol("kBufferGen"), take: Symbol("kBufferCb") };

export class KernelSocket extends EventEmitter {
  readonly readableEnded = false;
  readonly destroyed = false;
  readonly remoteAddress: string;
  readonly _handle = { useUserBuffer: (): void => {} };
  #sent: Buffer[] = [];
  #isReading = false;

  constructor(remoteAddress = "10.0.0.1") {
    super();
    this.remoteAddress = remoteAddress;
    for (const symbol of Object.values(insides)) Object.assign(this, { [symbol]: null });
  }

  /** Bytes that were sent and not yet read. */
  get bytes(): number {
    return this.#sent.reduce((sum, { length }) => sum + length, 0);
  }

  send(bytes: Buffer): void {
    this.#sent.push(bytes);
  }

  /** Delivers what was sent, as far as it is wanted. Returns the number of reads. */
  poll(): number {
    const next = this.#inside<Next>(insides.next);
    const take = this.#inside<Take>(insides.take);
    let reads = 0;
    while (this.#isReading && this.#sent.length > 0 && reads < readsMax) {
      const memory = this.#inside<Buffer>(insides.memory);
      const bytes = this.#readInto(memory);
      reads++;
      if (!take(bytes, memory)) this.#isReading = false;
      Object.assign(this, { [insides.memory]: next?.() ?? memory });
      if (bytes < memory.length) break;
    }
    return reads;
  }

  resume(): void {
    this.#isReading = true;
  }

  pause(): void {
    this.#isReading = false;
  }

  setTimeout(): void {}
  destroy(): void {}
  read(): null {
    return null;
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
