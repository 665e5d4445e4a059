/**
 * Bounds owners' RE2 patterns. RE2 is linear in the text, but each character may cost in proportion to the program's
 * length: 20 to 120 ns per instruction in the worst case. So both the program and the part of a line that it runs over
 * are bounded. The size of a program is estimated before it is compiled, since counted repetitions multiply it.
 */
import { LRUCache } from "lru-cache";
import { RE2JS } from "re2js";

/** The longest pattern, in bytes. */
const patternBytesMax = 1_000;

/** Instructions of one pattern, and of all patterns together that are run over a line. */
export const instructionsMax = 500;

/** The most instructions times characters for one line. */
export const lineWorkMax = 5_000_000;

/** A pattern with a higher estimate is not even compiled: estimates may be a few times too high, but not ten times. */
const estimateMax = 10 * instructionsMax;

/** Classes like `\pL` in a pattern: each takes a third of a millisecond to compile. */
const unicodeClassesMax = 10;

/** Characters in the ranges of a case-insensitive pattern: each of them is folded when the pattern is compiled. */
const foldedCharsMax = 1_200_000;

const utf8 = new TextEncoder(); // the page, which reads patterns, too, has no Buffer

/** The results for recently read patterns. */
const read = new LRUCache<string, Pattern | string>({ max: 1_000 });

export type Pattern = {
  readonly text: string;
  readonly instructions: number;
  /** The plain text that the pattern stands for, if any: searching for that needs no expression and is cheap. */
  readonly plain: string | undefined;
};

/** The pattern, or why it cannot be used. The compiled pattern is not kept: `CompiledPatterns` does that. */
export function readPattern(text: string): Pattern | string {
  if (utf8.encode(text).length > patternBytesMax) return `it has more than ${patternBytesMax} bytes`;
  let known = read.get(text);
  if (known === undefined) read.set(text, (known = readAnew(text)));
  return known;
}

function readAnew(text: string): Pattern | string {
  const estimate = estimatedInstructions(text);
  if (estimate > estimateMax) return tooLarge(`about ${estimate}`);
  const slow = slowToCompile(text);
  if (slow !== undefined) return slow;
  try {
    const instructions = RE2JS.compile(text).programSize();
    return instructions > instructionsMax
      ? tooLarge(String(instructions))
      : { text, instructions, plain: plainTextOf(text) };
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** The `entriesMax` most recently used patterns, compiled. */
export class CompiledPatterns {
  readonly #compiled: LRUCache<string, RE2JS>;

  constructor(entriesMax: number) {
    this.#compiled = new LRUCache({ max: entriesMax });
  }

  /** The pattern must be one that `readPattern` accepted. */
  get(text: string): RE2JS {
    let compiled = this.#compiled.get(text);
    if (compiled === undefined) this.#compiled.set(text, (compiled = RE2JS.compile(text)));
    return compiled;
  }

  clear(): void {
    this.#compiled.clear();
  }
}

/** The number of characters of one line that programs with this many instructions in total may run over. */
export const charsMax = (instructions: number): number => Math.floor(lineWorkMax / instructions);

// Matches letters, and punctuation after a backslash, but not the replacement character, which no text holds as it was
// sent.
const plainForm = /^(?:[^\\.+*?()|[\]{}^$\uFFFD\p{Cs}]|\\[!-/:-@[-`{-~])+$/u;

const plainTextOf = (text: string): string | undefined =>
  plainForm.test(text) ? text.replaceAll(/\\(.)/g, "$1") : undefined;

// A pattern of permitted size may still take a fifth of a second to compile, because of the ranges of its classes.
function slowToCompile(text: string): string | undefined {
  const classes = text.match(/\\[pP]/g)?.length ?? 0;
  if (classes > unicodeClassesMax)
    return `it has ${classes} classes like \\pL, and ${unicodeClassesMax} are the most`;
  if (!/\(\?[a-zA-Z]*i/.test(text)) return undefined;
  let folded = 0;
  for (const [, from, to] of text.matchAll(rangeForm)) folded += Math.max(0, codeOf(to!) - codeOf(from!));
  if (folded <= foldedCharsMax) return undefined;
  return `its ranges have ${folded} characters, and ${foldedCharsMax} are the most where case is ignored`;
}

const rangeForm = /(\\x\{[0-9a-fA-F]+\}|[\s\S])-(?=(\\x\{[0-9a-fA-F]+\}|[\s\S]))/gu;

const codeOf = (char: string): number =>
  char.startsWith("\\x{") ? Number.parseInt(char.slice(3), 16) : char.codePointAt(0)!;

const tooLarge = (instructions: string): string =>
  `it compiles to ${instructions} instructions, and ${instructionsMax} are the most: use smaller counts in braces, or fewer alternatives`;

type Group = { total: number; last: number };

/**
 * An upper bound, except for a few instructions, of the size of the compiled pattern. Parses RE2's syntax only for
 * nesting and repetition.
 */
export function estimatedInstructions(pattern: string): number {
  let group: Group = { total: 0, last: 0 };
  const outer: Group[] = [];
  const atom = (size: number) => {
    group.total += size;
    group.last = size;
  };
  // Gives the last part a new size, which the next repetition multiplies.
  const repeat = (size: number) => {
    group.total += size - group.last;
    group.last = size;
  };
  const close = () => {
    const { total } = group;
    group = outer.pop() ?? { total: 0, last: 0 };
    atom(total + 3);
  };
  for (let at = 0; at < pattern.length; ) {
    const [part] = partAt(pattern, at);
    at += part.length;
    if (part.startsWith("\\Q")) for (const _ of part.slice(2)) atom(1);
    else if (part === "(") {
      outer.push(group);
      group = { total: 0, last: 0 };
    } else if (part === ")") close();
    else if ("*+?".includes(part)) repeat(group.last + 2);
    else if (part.startsWith("{") && part.length > 1) {
      const counts = part.match(/\d+/g)!.map(Number);
      repeat(Math.max(1, ...counts) * (group.last + 2) + 2);
    } else atom(1);
  }
  while (outer.length > 0) close();
  return group.total + 2;
}

// A part is quoted text, an escape, a class, a count, or one character. Quoted text, escapes and classes may contain
// brackets and braces.
const partForm =
  /\\Q[\s\S]*?(?:\\E|$)|\\(?:[pPx]\{[^}]*\}|[\s\S]|$)|\[\^?\]?(?:\[:[^\]]*?:\]|\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[\s\S]/y;

function partAt(pattern: string, at: number): RegExpExecArray {
  partForm.lastIndex = at;
  return partForm.exec(pattern)!;
}
