/** Words for an unknown command. */

/** Commands that change nothing and send nothing. No other is ever suggested for a word that was mistyped. */
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

/** Letters that may differ. */
const distanceMax = 2;

/** The reading command that was meant: `drains:list` means `drains`, `lgos` means `logs`. */
export function readingCommandLike(name: string): string | undefined {
  const [topic] = name.split(":");
  if (name !== topic && readingCommands.some((command) => command === topic)) return topic;
  const distances = readingCommands.map((command) => ({ command, distance: distanceOf(name, command) }));
  const nearest = distances.reduce((best, other) => (other.distance < best.distance ? other : best));
  return nearest.distance <= Math.min(distanceMax, nearest.command.length / 2) ? nearest.command : undefined;
}

/** Letters to insert, to leave out, to exchange or to swap with the next (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isSame ? 0 : 1),
        isSwapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
