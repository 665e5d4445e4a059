/**
 * Runs expressions over many texts, in tasks that can be sent to another thread. Pure: the caller decides where a task
 * runs, and for how long.
 */
import type { Form } from "../batch/batch.ts";
import { CompiledPatterns, charsMax } from "./pattern.ts";
import { noRedactions, type Redaction, type Redactions, Redactor } from "./redaction.ts";

/** A text must match the expression or, if `found` is false, must not. */
export type Expression = { readonly text: string; readonly instructions: number; readonly found: boolean };

/** Texts in `bytes`, from `spans[2n]` to `spans[2n + 1]`; each belongs to line `lines[n]` of a batch. */
export type TextWork = {
  readonly bytes: Uint8Array;
  readonly lines: readonly number[];
  readonly spans: readonly number[];
  readonly expressions: readonly Expression[];
};

/** A piece of work, in memory of its own. */
export type Task =
  | {
      readonly kind: "match";
      readonly expressions: readonly Expression[];
      /** The texts, one after another; their ends are in `ends`. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly ends: Uint32Array<ArrayBuffer>;
    }
  | {
      readonly kind: "redact";
      readonly redaction: Redaction;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly form: Form;
    };

/** The result for the beginning of a task: for this many texts, or bytes of frames. */
export type Outcome =
  | { readonly kind: "match"; readonly holds: Uint8Array }
  | {
      readonly kind: "redact";
      readonly length: number;
      /** Undefined if nothing was found in them. */
      readonly bytes: Uint8Array | undefined;
      readonly counts: Redactions;
    };

/** The texts from number `first` on, up to `bytesMax` bytes; a longer text is a task of its own. */
export function matchTask(
  { bytes, spans, expressions }: TextWork,
  first: number,
  bytesMax: number,
): Extract<Task, { kind: "match" }> {
  const ends: number[] = [];
  let length = 0;
  for (let n = first; 2 * n < spans.length; n++) {
    const size = spans[2 * n + 1]! - spans[2 * n]!;
    if (length + size > bytesMax && ends.length > 0) break;
    length += size;
    ends.push(length);
  }
  const copy = new Uint8Array(length);
  for (let i = 0, at = 0; i < ends.length; at = ends[i++]!) {
    copy.set(bytes.subarray(spans[2 * (first + i)]!, spans[2 * (first + i) + 1]!), at);
  }
  return { kind: "match", expressions, bytes: copy, ends: Uint32Array.from(ends) };
}

/** Estimates the work: at most instructions times bytes. */
export function costOf({ spans, expressions }: TextWork): number {
  let bytes = 0;
  for (let i = 0; i < spans.length; i += 2) bytes += spans[i + 1]! - spans[i]!;
  return bytes * expressions.reduce((sum, { instructions }) => sum + instructions, 0);
}

/**
 * Does the work at once: sets `kept` of a line to 0 if its text fails. Meant for small amounts: it is slower than a
 * task, but allocates only the compiled patterns.
 */
export function matchHere(
  { bytes, lines, spans, expressions }: TextWork,
  compiled: CompiledPatterns,
  kept: Uint8Array,
): void {
  const texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [n, line] of lines.entries()) {
    const text = texts.toString("utf8", spans[2 * n], spans[2 * n + 1]);
    const isWanted = expressions.every(
      (expression) => compiled.get(expression.text).matcher(text).find() === expression.found,
    );
    if (!isWanted) kept[line] = 0;
  }
}

/** Does tasks, and keeps up to `entriesMax` compiled patterns until `forget`. */
export class PatternWork {
  readonly #compiled: CompiledPatterns;

  constructor(entriesMax: number) {
    this.#compiled = new CompiledPatterns(entriesMax);
  }

  /** Works on the task until `isOver`, for at least one text or frame. */
  do(task: Task, isOver: () => boolean): Outcome {
    if (task.kind === "match") return this.#match(task, isOver);
    const counts = noRedactions();
    const redactor = new Redactor(task.redaction, this.#compiled);
    return { kind: "redact", ...redactor.redact(task.bytes, task.form, counts, isOver), counts };
  }

  forget(): void {
    this.#compiled.clear();
  }

  #match({ bytes, ends, expressions }: Extract<Task, { kind: "match" }>, isOver: () => boolean): Outcome {
    const texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const holds = new Uint8Array(ends.length);
    let done = 0;
    for (let start = 0; done < ends.length; start = ends[done++]!) {
      if (done > 0 && isOver()) break;
      const text = texts.toString("utf8", start, ends[done]);
      holds[done] = this.#holdsAll(text, expressions) ? 1 : 0;
    }
    return { kind: "match", holds: holds.subarray(0, done) };
  }

  #holdsAll(text: string, expressions: readonly Expression[]): boolean {
    for (const expression of expressions) {
      const unwanted = expression.found ? "absent" : "found";
      if (lookFor(expression, text, this.#compiled) === unwanted) return false;
    }
    return true;
  }
}

// Searches the part of the text within the bound. A match that is missing there may be in the rest, and one that ends
// at the end of the part may be due only to that end: neither is a reason to leave out a line.
function lookFor(
  { text: pattern, instructions }: Expression,
  text: string,
  patterns: CompiledPatterns,
): "found" | "absent" | "unknown" {
  const compiled = patterns.get(pattern);
  const chars = charsMax(instructions);
  if (text.length <= chars) return compiled.test(text) ? "found" : "absent";
  const looked = text.slice(0, chars);
  const matcher = compiled.matcher(looked);
  if (!matcher.find()) return "unknown";
  return matcher.end() < looked.length ? "found" : "unknown";
}
