/** Those of `names` that have one of `words` in them; all without words. A word that no name has is refused before anything is measured. */
export function chosen(
  names: readonly string[],
  words: readonly string[],
  refuse: (text: string) => never = refuseAndExit,
): readonly string[] {
  const unknown = words.find((word) => !names.some((name) => name.includes(word)));
  if (unknown !== undefined)
    refuse(
      `Nothing here has "${unknown}" in its name. There are:\n${names.map((name) => `  ${name}\n`).join("")}`,
    );
  return names.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
}

function refuseAndExit(text: string): never {
  process.stderr.write(text);
  process.exit(2);
}
