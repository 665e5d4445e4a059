/**
 * Filters of readers: by source, process and pattern. Cheap tests are done here; expressions, which may cost much, are
 * left to callers that bound their time (`patterns/`).
 */
import { isBlank } from "./blank-line.ts";
import type { LineCursor } from "./line-cursor.ts";
import { cursorOver, type IndexedFrames } from "./line-index.ts";
import { type Pattern, readPattern } from "./pattern.ts";
import type { Expression, TextWork } from "./pattern-work.ts";

/** The lines that a reader wants to see; every part that is given must hold. */
export type FilterSpec = {
  /** Sources, whole. */
  readonly sources?: readonly string[];
  /** A process (`web.1`) or a process type (`web`). */
  readonly dynos?: readonly string[];
  /** RE2 patterns over the message. */
  readonly match?: string;
  readonly exclude?: string;
};

export type LineFilter = {
  /** Equal for equal specs. */
  readonly key: string;
  /** Tests source, process and plain text. Expressions have to hold besides. */
  keeps(line: LineCursor): boolean;
  readonly expressions: readonly Expression[];
};

/** One byte for each line of a batch: 1 keeps it. Undefined where all are kept. */
export type Kept = Uint8Array;

type Test = (line: LineCursor) => boolean;

const dot = 0x2e;

/**
 * A filter for `spec`, undefined when it keeps every line; `bad` names the pattern that cannot be used. `keepsBlanks`
 * is false for a receiver that refuses lines without anything to see.
 */
export function compileFilter(
  spec: FilterSpec,
  { keepsBlanks = true } = {},
):
  | { readonly kind: "filter"; readonly filter: LineFilter | undefined }
  | { readonly kind: "bad"; readonly field: "match" | "exclude"; readonly reason: string } {
  const tests: Test[] = [];
  const expressions: Expression[] = [];
  if (!keepsBlanks) tests.push((line) => !isBlank(line));
  if (spec.sources !== undefined && spec.sources.length > 0) {
    const sources = spec.sources.map((source) => Buffer.from(source));
    tests.push((line) =>
      sources.some((source) => isAt(source, line.bytes, line.sourceStart, line.sourceEnd)),
    );
  }
  if (spec.dynos !== undefined && spec.dynos.length > 0) {
    const dynos = spec.dynos.map((dyno) => Buffer.from(dyno));
    tests.push((line) => dynos.some((dyno) => isProcess(dyno, line)));
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
  if (tests.length + expressions.length === 0) return { kind: "filter", filter: undefined };
  const key = JSON.stringify([
    spec.sources ?? [],
    spec.dynos ?? [],
    spec.match ?? null,
    spec.exclude ?? null,
    keepsBlanks,
  ]);
  return {
    kind: "filter",
    filter: { key, expressions, keeps: (line) => tests.every((test) => test(line)) },
  };
}

/** Selects frames by everything but the expressions: `kept`, and the work that the expressions are left with, if any. */
export function preselect(
  frames: IndexedFrames,
  filter: LineFilter,
): { readonly kept: Kept; readonly work: TextWork | undefined } {
  const { bytes, count } = frames;
  const kept = new Uint8Array(count);
  const { expressions } = filter;
  const spans: number[] = [];
  const lines: number[] = [];
  const cursor = cursorOver(frames);
  for (let line = 0; cursor.next(); line++) {
    if (!filter.keeps(cursor)) continue;
    kept[line] = 1;
    if (expressions.length === 0) continue;
    lines.push(line);
    spans.push(cursor.messageStart, messageTextEnd(cursor));
  }
  return { kept, work: lines.length === 0 ? undefined : { bytes, lines, spans, expressions } };
}

const expressionOf = ({ text, instructions }: Pattern, found: boolean): Expression => ({
  text,
  instructions,
  found,
});

// Patterns see text, without the newline that many senders put behind a message.
const messageTextEnd = ({ bytes, messageStart, messageEnd }: LineCursor): number =>
  messageEnd > messageStart && bytes[messageEnd - 1] === 0x0a ? messageEnd - 1 : messageEnd;

function plainTest(plain: Buffer, found: boolean): Test {
  return (line) => {
    const { buffer, byteOffset } = line.bytes;
    const length = messageTextEnd(line) - line.messageStart;
    return Buffer.from(buffer, byteOffset + line.messageStart, length).includes(plain) === found;
  };
}

function isAt(text: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === text.length && startsWith(text, bytes, start);
}

// `web` is `web.1`, but not `webx.1` (docs/spec/sessions.md#s1-4).
function isProcess(dyno: Uint8Array, line: LineCursor): boolean {
  const length = line.processEnd - line.processStart;
  if (length < dyno.length || !startsWith(dyno, line.bytes, line.processStart)) return false;
  return length === dyno.length || line.bytes[line.processStart + dyno.length] === dot;
}

function startsWith(text: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
