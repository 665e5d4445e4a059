/** Reads octet-counted frames as they come, also those of a body that breaks off. */
import { scanFrame } from "../../../src/core/wire/frame.ts";

export class Frames {
  readonly #line: (text: string) => void;
  readonly #broken: (flaw: string) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(line: (text: string) => void, broken: (flaw: string) => void) {
    this.#line = line;
    this.#broken = broken;
  }

  push(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    for (
      let scan = scanFrame(bytes, 0, 1 << 20);
      scan.kind !== "more";
      scan = scanFrame(bytes, at, 1 << 20)
    ) {
      const message =
        scan.kind === "bad" ? undefined : messageOf(bytes.toString("latin1", scan.start, scan.end));
      if (scan.kind === "bad" || message === undefined) {
        this.#broken(`no line: ${JSON.stringify(bytes.toString("latin1", at, at + 120))}`);
        return;
      }
      this.#line(message);
      at = scan.end;
    }
    this.#held = Buffer.from(bytes.subarray(at));
  }
}

/** The message of a frame of either form. */
const messageOf = (frame: string): string | undefined =>
  /^<\d+>1 \S+ \S+ \S+ \S+ \S+ (?:-|\[[^\]]*\])? ?([\s\S]*?)\n?$/.exec(frame)?.[1];
