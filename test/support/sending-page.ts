/** The configurations of docs/sending.md that tests run: each is the block behind its comment. */
import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../docs/sending.md", import.meta.url), "utf8");

/** The block of a sender, its server, ports, token and files replaced by those of a test. */
export function configurationOf(sender: string, replaced: Readonly<Record<string, string>>): string {
  const block = new RegExp(`<!-- sender: ${sender} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (block === undefined) throw new Error(`docs/sending.md has no configuration of ${sender}`);
  return Object.entries(replaced).reduce((text, [from, to]) => text.replaceAll(from, to), block);
}
