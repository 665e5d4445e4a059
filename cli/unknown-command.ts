/** Suggestions for an unknown command. */
import { nameLike } from "./likeness.ts";
import { missingCommands, ourCommand } from "./other-commands.ts";

/**
 * Commands that change nothing and send nothing. No other is ever suggested for a mistyped word; another tool's word is
 * none.
 */
export const readingCommands = [
  "addons",
  "addons:info",
  "apps",
  "config",
  "drains",
  "drains:info",
  "keys",
  "logs",
  "ps",
  "tokens",
] as const;

/** The hint for a name that is not among `commands`; undefined if there is none. */
export function hintAtCommand(name: string, commands: readonly string[]): string | undefined {
  const ours = ourCommand(name, commands);
  if (ours !== undefined) return `${name} is "tailrace ${ours}" here.`;
  if (Object.hasOwn(missingCommands, name)) return missingCommands[name];
  const like = readingCommandLike(name);
  return like && `Did you mean "tailrace ${like}"?`;
}

/** The reading command that was probably meant: `drains:list` means `drains`, `lgos` means `logs`. */
function readingCommandLike(name: string): string | undefined {
  const [topic] = name.split(":");
  if (name !== topic && readingCommands.some((command) => command === topic)) return topic;
  return nameLike(name, readingCommands);
}
