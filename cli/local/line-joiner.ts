/**
 * Joins lines that belong together into one message: indented ones to the line before them, and the parts of stack
 * traces of Java, Python, Node and Go. A message waits a moment for more of its lines.
 */
import { joinMsMax, lineBytesMax } from "./limits.ts";
import type { TakeLine } from "./line-splitter.ts";

const newline = 0x0a;
const lookedBytes = 64;
/** A line that continues the message before it. */
const furtherForm =
  /^(?:[ \t]|Caused by: |\.\.\. \d+ more|During handling of the above exception|The above exception was the direct cause|created by |\}\s*$)/;
/** A line after which the first unindented one still belongs to the message, because it names the error. */
const openForm =
  /^Traceback \(most recent call last\):|^goroutine \d+ \[|^During handling of the above|^The above exception was/;

export class LineJoiner {
  readonly #take: TakeLine;
  #message: Buffer = Buffer.alloc(0);
  #length = 0;
  /** True within a trace whose last line is not indented. */
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(take: TakeLine) {
    this.#take = take;
  }

  /** Takes a line of the program. A piece of a line that is too long for one message is a message of its own. */
  push(bytes: Uint8Array, start: number, end: number, whole: boolean): void {
    const head = Buffer.from(bytes.subarray(start, Math.min(end, start + lookedBytes))).toString("latin1");
    const isIndented = /^[ \t]/.test(head);
    const isFurther = furtherForm.test(head) || (this.#isOpen && head !== "");
    const fits = this.#length + 1 + (end - start) <= lineBytesMax;
    if (this.#length > 0 && !(isFurther && fits && whole)) this.flush();
    if (openForm.test(head)) this.#isOpen = true;
    else if (!isIndented) this.#isOpen = false;
    this.#append(bytes, start, end);
    if (!whole) this.#give(false);
    else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.flush(), joinMsMax);
    }
  }

  /** Passes on what waits. */
  flush(): void {
    if (this.#length > 0) this.#give(true);
    this.#isOpen = false;
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#length === 0 ? 0 : this.#length + 1;
    const length = at + end - start;
    if (length > this.#message.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, lineBytesMax)));
      this.#message.copy(larger, 0, 0, this.#length);
      this.#message = larger;
    }
    if (at > 0) this.#message[this.#length] = newline;
    this.#message.set(bytes.subarray(start, end), at);
    this.#length = length;
  }

  #give(whole: boolean): void {
    clearTimeout(this.#timer);
    const length = this.#length;
    this.#length = 0;
    this.#take(this.#message, 0, length, whole);
  }
}
