/**
 * RE2 patterns of owners, in bounds. RE2 is linear in the text, but each character may cost as much as the program is
 * long: 20 to 120 ns for each instruction where all of them are alive. So the program has a bound, and so has what it
 * is shown of one line; what a pattern compiles to is estimated before it is, as counted repetitions write it out.
 */
import { RE2JS } from "re2js";

/** Bytes of a pattern. */
export const patternBytesMax = 1_000;

/** Instructions of a pattern, and of all that are looked for in a line together. */
export const instructionsMax = 500;

/** Instructions times characters that are spent on one line. */
export const lineWorkMax = 5_000_000;

/** Instructions times bytes that are spent on the lines of one batch, so that nobody else waits for long. */
export const batchWorkMax = 10_000_000;

/** What is estimated at more is not even compiled: an estimate may be a few times too high, not ten. */
const estimateMax = 10 * instructionsMax;

export type Pattern = { readonly compiled: RE2JS; readonly instructions: number };

/** The pattern, or why it cannot be used. */
export function compilePattern(pattern: string): Pattern | string {
  if (Buffer.byteLength(pattern) > patternBytesMax) return `it has more than ${patternBytesMax} bytes`;
  const estimate = estimatedInstructions(pattern);
  if (estimate > estimateMax) return tooLarge(`about ${estimate}`);
  try {
    const compiled = RE2JS.compile(pattern);
    const instructions = compiled.programSize();
    return instructions > instructionsMax ? tooLarge(String(instructions)) : { compiled, instructions };
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Characters of one line that programs of so many instructions together may be run over. */
export const charsMax = (instructions: number): number => Math.floor(lineWorkMax / instructions);

const tooLarge = (instructions: string): string =>
  `it compiles to ${instructions} instructions, and ${instructionsMax} are the most: use smaller counts in braces, or fewer alternatives`;

type Group = { total: number; last: number };

/** No less than what the pattern compiles to, give or take a few. Reads RE2's syntax as far as it nests and repeats. */
export function estimatedInstructions(pattern: string): number {
  let group: Group = { total: 0, last: 0 };
  const outer: Group[] = [];
  const atom = (size: number) => {
    group.total += size;
    group.last = size;
  };
  // `last` becomes `size`; what repeats it again repeats all of it.
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

// Quoted text, an escape, a class, a count, or one character: they are what hides brackets and braces.
const partForm =
  /\\Q[\s\S]*?(?:\\E|$)|\\(?:[pPx]\{[^}]*\}|[\s\S]|$)|\[\^?\]?(?:\[:[^\]]*?:\]|\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[\s\S]/y;

function partAt(pattern: string, at: number): RegExpExecArray {
  partForm.lastIndex = at;
  return partForm.exec(pattern)!;
}
