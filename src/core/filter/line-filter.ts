/**
 * Filters of readers: by source, process and pattern. Cheap tests are done here; expressions, which may be expensive,
 * are left to callers that bound their time (`patterns/`).
 */

import type { LineCursor } from "../batch/line-cursor.ts";
import { cursorOver, type IndexedFrames } from "../batch/line-index.ts";
import { isAsBad, type Level } from "../message/level.ts";
import { type Pattern, readPattern } from "../patterns/pattern.ts";
import type { Expression, TextWork } from "../patterns/pattern-work.ts";
import { isBlank } from "./blank-line.ts";
import { levelAt } from "./line-level.ts";
import { type LineTest, passesAll, passesAny } from "./line-tests.ts";
import { processTest } from "./process-names.ts";

/** The lines that a reader wants to see; all the given parts must match. */
export type FilterSpec = {
  /** Exact names of sources. */
  readonly sources?: readonly string[];
  /** A process (`web.1`), a process type (`web`), or names with stars (`web.*`). */
  readonly dynos?: readonly string[];
  readonly excludeDynos?: readonly string[];
  /** Lines at least this bad, by their text or else by their severity. */
  readonly level?: Level;
  /** RE2 patterns over the message. */
  readonly match?: string;
  readonly exclude?: string;
};

export type LineFilter = {
  /** Equal for equal specs. */
  readonly key: string;
  /** Tests source, process and plain text. Expressions must match as well. */
  keeps(line: LineCursor): boolean;
  /** True if that reads the text of each line, so that a batch of them takes longer than a turn of the event loop. */
  readonly isSlow?: boolean;
  readonly expressions: readonly Expression[];
};

/** One byte for each line of a batch: 1 keeps it. Undefined if all are kept. */
export type Kept = Uint8Array;

/**
 * A filter for `spec`, undefined if it keeps every line; `bad` names a pattern that cannot be used. `keepsBlanks` is
 * false for a receiver that refuses lines without visible text.
 */
export function compileFilter(
  spec: FilterSpec,
  { keepsBlanks = true } = {},
):
  | { readonly kind: "filter"; readonly filter: LineFilter | undefined }
  | { readonly kind: "bad"; readonly field: "match" | "exclude"; readonly reason: string } {
  const tests: LineTest[] = [];
  const expressions: Expression[] = [];
  if (!keepsBlanks) tests.push((line) => !isBlank(line));
  if (spec.sources !== undefined && spec.sources.length > 0) {
    tests.push(passesAny(spec.sources.map(sourceTest)));
  }
  if (spec.dynos !== undefined && spec.dynos.length > 0) {
    tests.push(processTest(spec.dynos));
  }
  if (spec.excludeDynos !== undefined && spec.excludeDynos.length > 0) {
    const isExcluded = processTest(spec.excludeDynos);
    tests.push((line) => !isExcluded(line));
  }
  for (const field of ["match", "exclude"] as const) {
    const given = spec[field];
    if (given === undefined) continue;
    const pattern = readPattern(given);
    if (typeof pattern === "string") return { kind: "bad", field, reason: pattern };
    const found = field === "match";
    if (pattern.plain !== undefined) tests.push(plainTest(Buffer.from(pattern.plain), found));
    else expressions.push(expressionOf(pattern, found));
  }
  if (spec.level !== undefined) tests.push(levelTest(spec.level)); // last, since it costs most
  if (tests.length + expressions.length === 0) return { kind: "filter", filter: undefined };
  const key = JSON.stringify([
    spec.sources ?? [],
    spec.dynos ?? [],
    spec.match ?? null,
    spec.exclude ?? null,
    keepsBlanks,
    spec.excludeDynos ?? [],
    spec.level ?? null,
  ]);
  const keeps = passesAll(tests);
  return { kind: "filter", filter: { key, expressions, keeps, isSlow: spec.level !== undefined } };
}

/** The lines of a batch that are kept, and the work that remains for the expressions, if any. */
export type Preselected = { readonly kept: Kept; readonly work: TextWork | undefined };

/** Lines between two looks at the clock. */
const linesBetween = 32;

/** Selects frames by everything but the expressions, in several runs if necessary. */
export class Preselection {
  readonly #frames: IndexedFrames;
  readonly #filter: LineFilter;
  readonly #cursor: LineCursor;
  readonly #kept: Uint8Array;
  readonly #spans: number[] = [];
  readonly #lines: number[] = [];
  #line = 0;

  constructor(frames: IndexedFrames, filter: LineFilter) {
    this.#frames = frames;
    this.#filter = filter;
    this.#cursor = cursorOver(frames);
    this.#kept = new Uint8Array(frames.count);
  }

  /** Continues until `isOver`, or to the end, and then returns the result. */
  go(isOver: () => boolean): Preselected | undefined {
    const { expressions } = this.#filter;
    const cursor = this.#cursor;
    while (cursor.next()) {
      const line = this.#line++;
      if (this.#filter.keeps(cursor)) {
        this.#kept[line] = 1;
        if (expressions.length > 0) {
          this.#lines.push(line);
          this.#spans.push(cursor.messageStart, messageTextEnd(cursor));
        }
      }
      if (this.#line % linesBetween === 0 && isOver()) return undefined;
    }
    const lines = this.#lines;
    const { bytes } = this.#frames;
    const work = lines.length === 0 ? undefined : { bytes, lines, spans: this.#spans, expressions };
    return { kept: this.#kept, work };
  }
}

/** The same in one run. */
export const preselect = (frames: IndexedFrames, filter: LineFilter): Preselected =>
  new Preselection(frames, filter).go(() => false)!;

const expressionOf = ({ text, instructions }: Pattern, found: boolean): Expression => ({
  text,
  instructions,
  found,
});

// Patterns see the text without the newline that many senders append to a message.
const messageTextEnd = ({ bytes, messageStart, messageEnd }: LineCursor): number =>
  messageEnd > messageStart && bytes[messageEnd - 1] === 0x0a ? messageEnd - 1 : messageEnd;

function plainTest(plain: Buffer, found: boolean): LineTest {
  return (line) => {
    const { buffer, byteOffset } = line.bytes;
    const length = messageTextEnd(line) - line.messageStart;
    return Buffer.from(buffer, byteOffset + line.messageStart, length).includes(plain) === found;
  };
}

const levelTest =
  (least: Level): LineTest =>
  (line) =>
    isAsBad(levelAt(line), least);

function sourceTest(source: string): LineTest {
  const name = Buffer.from(source);
  return ({ bytes, sourceStart, sourceEnd }) =>
    sourceEnd - sourceStart === name.length && startsWith(name, bytes, sourceStart);
}

function startsWith(text: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
