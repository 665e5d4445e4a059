/** Marks matches in text that may have colours. Uses RE2, so it is linear in the text, and bounded. */
import { RE2JS } from "re2js";
import { sgrSource } from "../../src/core/terminal/sgr.ts";
import { wrongUse } from "../errors.ts";

/** Half-open, in characters. */
type Span = readonly [start: number, end: number];

/** Characters of a row that are searched, and matches that are marked in it. */
const charsMax = 8_192;
const findsMax = 200;

export class Highlighter {
  readonly #patterns: readonly RE2JS[];

  /** Throws wrong use if a pattern is not RE2. */
  constructor(patterns: readonly string[], option = "--highlight") {
    this.#patterns = patterns.map((pattern) => compiled(pattern, option));
  }

  /** True if the text matches any of the patterns. */
  isIn(text: string): boolean {
    const looked = text.slice(0, charsMax);
    return this.#patterns.some((pattern) => pattern.test(looked));
  }

  /** `row` with `mark` around each match in its text, and around each part of it between colours. */
  marked(row: string, mark: (text: string) => string): string {
    if (this.#patterns.length === 0) return row;
    const pieces = row.split(sgrForm);
    const spans = this.#spansIn(pieces.filter((_, i) => i % 2 === 0).join(""));
    if (spans.length === 0) return row;
    let at = 0;
    const marked = pieces.map((piece, i) => {
      if (i % 2 === 1) return piece;
      const shown = markedPiece(piece, at, spans, mark);
      at += piece.length;
      return shown;
    });
    return marked.join("");
  }

  #spansIn(text: string): Span[] {
    const spans: Span[] = [];
    for (const pattern of this.#patterns) {
      const matcher = pattern.matcher(text.slice(0, charsMax));
      for (let finds = 0; finds < findsMax && matcher.find(); finds++)
        if (matcher.end() > matcher.start()) spans.push([matcher.start(), matcher.end()]);
    }
    return joined(spans);
  }
}

/** A pattern from the user. */
export function compiled(pattern: string, option: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw wrongUse(
      `${option} "${pattern}" is no RE2 pattern: ${reason}.`,
      "Write it as in --match 'status=5..'.",
    );
  }
}

/** Splits a row into text at even places and colours at odd ones. */
const sgrForm = new RegExp(`(${sgrSource})`);

function joined(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort(([a], [b]) => a - b);
  const whole: [number, number][] = [];
  for (const [start, end] of sorted) {
    const before = whole.at(-1);
    if (before !== undefined && start <= before[1]) before[1] = Math.max(before[1], end);
    else whole.push([start, end]);
  }
  return whole;
}

function markedPiece(
  piece: string,
  at: number,
  spans: readonly Span[],
  mark: (text: string) => string,
): string {
  let shown = "";
  let from = 0;
  for (const [start, end] of spans) {
    const [first, last] = [Math.max(start - at, from), Math.min(end - at, piece.length)];
    if (first >= last) continue;
    shown += piece.slice(from, first) + mark(piece.slice(first, last));
    from = last;
  }
  return shown + piece.slice(from);
}
