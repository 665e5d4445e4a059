/** Searches within the lines that are loaded. */

/** The text to search for: plain text in any case, or an expression between slashes. */
export function findingOf(text: string): RegExp | undefined {
  const wanted = text.trim();
  if (wanted === "") return undefined;
  const [, expression] = /^\/(.+)\/$/.exec(wanted) ?? [];
  try {
    return new RegExp(expression ?? wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  } catch {
    return undefined;
  }
}

/** How much of a text a repeating expression is run over: its time may grow with any power of the length. */
const repeatedCharsMax = 4_000;

/** True if the text has what is searched for. */
export function isIn(text: string, finding: RegExp): boolean {
  const repeats = /[*+?{]/.test(finding.source.replace(/\\./g, ""));
  return (repeats ? text.slice(0, repeatedCharsMax) : text).search(finding) !== -1;
}
