/** The search in the lines that are here. */

/** What is searched for: plain text in any case, or an expression between slashes. */
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
