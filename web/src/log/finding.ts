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
