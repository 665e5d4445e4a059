/** Walks over the selected lines of a batch, or from a place in it, until a piece is full or somebody else has a turn. */
import type { LineCursor } from "../batch/line-cursor.ts";
import { cursorOver } from "../batch/line-index.ts";
import type { Formattable, Formatted, Formatting, Place, Selection } from "./format.ts";
import { OutBuffer } from "./out-buffer.ts";

/** Lines, or parts of a long one, between two looks at the clock. */
const stepsBetween = 32;

export abstract class LineFormatting implements Formatting {
  protected readonly out = new OutBuffer();
  protected readonly cursor: LineCursor;
  /** In the middle of a line: where the rest of it begins. */
  protected from: number | undefined;
  readonly #lines: number;
  readonly #selection: Selection;
  #line: number;
  #count = 0;
  #steps = 0;

  constructor(batch: Formattable, selection: Selection) {
    this.#lines = batch.count;
    this.#selection = selection;
    this.cursor = cursorOver(batch);
    this.cursor.passOver(selection.skip);
    this.#line = selection.skip;
  }

  /** Puts what precedes the text of the line of this number, counted from 1, and sets `from` to where that begins. */
  protected abstract begin(line: number): void;

  /**
   * Puts the line from `from` on. When it is whole, `from` is undefined. It may stop where `isEnough`, with `from` at
   * the rest.
   */
  protected abstract goOn(line: number, isOver: () => boolean): void;

  go(isOver: () => boolean): Formatted | undefined {
    const { kept, skip, byte } = this.#selection;
    while (this.from !== undefined || this.cursor.next()) {
      if (this.from === undefined) {
        const line = ++this.#line;
        if (kept?.[line - 1] === 0) continue;
        if (line === skip + 1 && byte !== undefined) this.from = byte;
        else {
          this.#count++;
          this.begin(line);
        }
      }
      this.goOn(this.#line, isOver);
      const isWhole = this.from === undefined;
      if (this.out.isPiece && !(isWhole && this.#line === this.#lines)) break;
      if (!isWhole || this.#isTimeUp(isOver)) return undefined;
    }
    return { bytes: this.out.take(), count: this.#count, rest: this.#rest() };
  }

  /** True when a piece is full, or the time is up. */
  protected isEnough(isOver: () => boolean): boolean {
    return this.out.isPiece || this.#isTimeUp(isOver);
  }

  #rest(): Place | undefined {
    if (this.from !== undefined) return { skip: this.#line - 1, byte: this.from };
    return this.#line < this.#lines ? { skip: this.#line } : undefined;
  }

  #isTimeUp(isOver: () => boolean): boolean {
    return ++this.#steps % stepsBetween === 0 && isOver();
  }
}
