/** Suggestions for an unknown command. */
import { nameLike } from "./likeness.ts";

/** Commands that change nothing and send nothing. No other is ever suggested for a mistyped word. */
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

/** The reading command that was probably meant: `drains:list` means `drains`, `lgos` means `logs`. */
export function readingCommandLike(name: string): string | undefined {
  const [topic] = name.split(":");
  if (name !== topic && readingCommands.some((command) => command === topic)) return topic;
  return nameLike(name, readingCommands);
}
