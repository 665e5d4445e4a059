/**
 * Publishes share one connection, and a server takes them one after the other. So only some bytes of them are under way at a
 * time, and subjects take turns.
 */
import { FairLine } from "../../../core/scheduling/fair-line.ts";

type Going = { readonly subject: string; readonly bytes: number };

export class PublishSlots<Publish extends Going> {
  readonly #bytesMax: number;
  readonly #begin: (publish: Publish) => void;
  readonly #waiting = new FairLine<Publish>();
  /** Bytes of the publishes that are under way. */
  #bytes = 0;
  #isFilling = false;

  /** `begin` is called when a publish may go; `end` gives its bytes back. */
  constructor(bytesMax: number, begin: (publish: Publish) => void) {
    this.#bytesMax = bytesMax;
    this.#begin = begin;
  }

  add(publish: Publish): void {
    if (this.#waiting.length === 0 && this.#fits(publish)) this.#start(publish);
    else this.#waiting.push(publish.subject, publish);
  }

  /** The publish is no longer under way. */
  end({ bytes }: Publish): void {
    this.#bytes -= bytes;
    if (this.#isFilling) return; // one that was begun just now is over already: no recursion, which thousands would make deep
    this.#isFilling = true;
    for (let { next } = this.#waiting; next !== undefined && this.#fits(next); next = this.#waiting.next) {
      this.#waiting.shift();
      this.#start(next);
    }
    this.#isFilling = false;
  }

  // A publish that is larger than all of them goes alone.
  #fits({ bytes }: Publish): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }

  #start(publish: Publish): void {
    this.#bytes += publish.bytes;
    this.#begin(publish);
  }
}
