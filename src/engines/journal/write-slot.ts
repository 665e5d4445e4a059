/** The memory that the event loop and its writing thread share. It holds one write at a time. */

/** The longest write; copying so much takes some ten microseconds. */
export const writeBytesMax = 64 * 1024;

/** `asked`: to be written. `left`: nobody waits any more, so the thread reports with a message. `done`: the result is there. */
export const idle = 0;
export const asked = 1;
export const left = 2;
export const done = 3;
export const ended = 4;

const numberBytes = Float64Array.BYTES_PER_ELEMENT;
const stateBytes = numberBytes; // its four bytes, and as many to align what follows
const numbers = 4;

export class WriteSlot {
  readonly memory: SharedArrayBuffer;
  /** Its only element is one of the states above. */
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #numbers: Float64Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer(stateBytes + numbers * numberBytes + writeBytesMax)) {
    this.memory = memory;
    this.state = new Int32Array(memory, 0, 1);
    this.#numbers = new Float64Array(memory, stateBytes, numbers);
    this.bytes = new Uint8Array(memory, stateBytes + numbers * numberBytes);
  }

  /** The first `length` of `bytes` are for the file, from `at` on. */
  ask(fd: number, length: number, at: number): void {
    this.#numbers.set([fd, length, at]);
  }

  get task(): { readonly fd: number; readonly length: number; readonly at: number } {
    const [fd, length, at] = this.#numbers;
    return { fd: fd!, length: length!, at: at! };
  }

  /** The number of bytes that were written, or the system's error, which is negative. */
  get result(): number {
    return this.#numbers[3]!;
  }

  set result(result: number) {
    this.#numbers[3] = result;
  }
}
