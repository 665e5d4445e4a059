/** Which lines a reader wants: by source, process and pattern. Patterns are RE2, in bounds of their own. */
import { isBlank } from "./blank-line.ts";
import type { LineCursor } from "./lines.ts";
import { batchWorkMax, charsMax, compilePattern, type Pattern } from "./pattern.ts";

/** What a reader wants to see of an app; every part given must hold. */
export type FilterSpec = {
  /** Sources, whole. */
  readonly sources?: readonly string[];
  /** A process (`web.1`) or a process type (`web`). */
  readonly dynos?: readonly string[];
  /** RE2 patterns over the message. */
  readonly match?: string;
  readonly exclude?: string;
};

/**
 * Says of a line whether to keep it. `key` is equal for equal specs. Patterns look at the first `scanBytesMax` bytes of
 * a batch and keep the lines behind them: who must not see those passes the rest of the batch as one of its own.
 */
export type LineFilter = {
  readonly key: string;
  readonly scanBytesMax: number;
  keeps(line: LineCursor): boolean;
};

const dot = 0x2e;

/**
 * A filter for `spec`, undefined when it keeps every line; `bad` names the pattern that is none. `keepsBlanks`: false
 * for a receiver that refuses lines without anything to see.
 */
export function compileFilter(
  spec: FilterSpec,
  { keepsBlanks = true } = {},
):
  | { readonly kind: "filter"; readonly filter: LineFilter | undefined }
  | { readonly kind: "bad"; readonly field: "match" | "exclude"; readonly reason: string } {
  const tests: ((line: LineCursor) => boolean)[] = [];
  const patterns: ((line: LineCursor) => boolean)[] = [];
  let instructions = 0;
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
    const pattern = spec[field];
    if (pattern === undefined) continue;
    const compiled = compilePattern(pattern);
    if (typeof compiled === "string") return { kind: "bad", field, reason: compiled };
    const unwanted = field === "match" ? "absent" : "found";
    patterns.push((line) => lookFor(compiled, messageText(line)) !== unwanted);
    instructions += compiled.instructions;
  }
  const scanBytesMax =
    instructions === 0 ? Number.POSITIVE_INFINITY : Math.floor(batchWorkMax / instructions);
  if (patterns.length > 0)
    tests.push((line) => line.start >= scanBytesMax || patterns.every((test) => test(line)));
  if (tests.length === 0) return { kind: "filter", filter: undefined };
  const key = JSON.stringify([
    spec.sources ?? [],
    spec.dynos ?? [],
    spec.match ?? null,
    spec.exclude ?? null,
    keepsBlanks,
  ]);
  return {
    kind: "filter",
    filter: { key, scanBytesMax, keeps: (line) => tests.every((test) => test(line)) },
  };
}

// Only so much of a line is looked at as its turn allows. What was not found in a part of it may be in the rest; and what
// ends where that part does may be found only because it ends there. Neither is a reason to leave a line out.
function lookFor({ compiled, instructions }: Pattern, text: string): "found" | "absent" | "unknown" {
  const looked = text.slice(0, charsMax(instructions));
  const isWhole = looked.length === text.length;
  const matcher = compiled.matcher(looked);
  if (!matcher.find()) return isWhole ? "absent" : "unknown";
  return isWhole || matcher.end() < looked.length ? "found" : "unknown";
}

// Patterns see text, without the newline that many senders put behind a message.
function messageText(line: LineCursor): string {
  const end = line.bytes[line.messageEnd - 1] === 0x0a ? line.messageEnd - 1 : line.messageEnd;
  const { buffer, byteOffset } = line.bytes;
  return Buffer.from(buffer, byteOffset + line.messageStart, Math.max(0, end - line.messageStart)).toString();
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
