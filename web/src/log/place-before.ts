/** `SEQUENCE.LINES…` is the place after LINES lines: with one line less, it is the place before the last of them. */
export function placeBefore(position: string): string {
  const [sequence, lines, ...log] = position.split(".");
  return [sequence, String(Math.max(0, Number(lines) - 1)), ...log].join(".");
}
