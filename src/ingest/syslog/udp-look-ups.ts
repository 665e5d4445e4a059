/**
 * Datagrams whose tokens have to be read from the store. They wait apart from all others, which a flood of unknown tokens
 * would hold up: a store on NATS answers some thousand questions a second. Those of an address stay in order, one question
 * after the other; addresses take turns.
 */
import { Semaphore } from "../../core/scheduling/semaphore.ts";
import { turns } from "../../turns.ts";

export type Datagram = { readonly bytes: Buffer; readonly address: string };

/** Questions to the store at a time. */
const lookUpsMax = 16;
/** Memory of a waiting datagram besides its bytes, and of what waits for it. */
const overheadBytes = 1024;

export class UdpLookUps {
  readonly #bytesMax: number;
  readonly #place: (datagram: Datagram) => Promise<void>;
  readonly #places = new Semaphore(lookUpsMax);
  /** Those that wait, of each address that has one under way. */
  readonly #waiting = new Map<string, Datagram[]>();
  readonly #running = new Set<Promise<void>>();
  #bytes = 0;

  /** `place` looks one datagram's token up and takes its line; it does not reject. */
  constructor(bytesMax: number, place: (datagram: Datagram) => Promise<void>) {
    this.#bytesMax = bytesMax;
    this.#place = place;
  }

  /** False when too many wait; one always may. */
  take(datagram: Datagram): boolean {
    const held = heldBytes(datagram);
    if (this.#bytes > 0 && this.#bytes + held > this.#bytesMax) return false;
    this.#bytes += held;
    const before = this.#waiting.get(datagram.address);
    if (before !== undefined) before.push(datagram);
    else this.#begin(datagram);
    return true;
  }

  /** Resolves when none waits any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(first: Datagram): void {
    const { address } = first;
    this.#waiting.set(address, [first]);
    const running: Promise<void> = this.#run(address).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #run(address: string): Promise<void> {
    for (let line = this.#waiting.get(address)!; line.length > 0; line = this.#waiting.get(address)!) {
      this.#waiting.set(address, []);
      for (const datagram of line) {
        await this.#places.run(() => this.#place(datagram), address);
        this.#bytes -= heldBytes(datagram);
        if (turns.isOver) await turns.next(address);
      }
    }
    this.#waiting.delete(address);
  }
}

const heldBytes = ({ bytes }: Datagram): number => bytes.length + overheadBytes;
