/**
 * Our colours, chosen from the sixteen that each theme adapts to its background. We never use white, black or grey, so
 * that all are readable on light and on dark. Dimmed text is the least important.
 */

export type Hue = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

const codes: Readonly<Record<Hue, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

/** Paints texts, or leaves them as they are. */
export type Paint = {
  readonly hue: (hue: Hue | undefined, text: string) => string;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  /** For matches. */
  readonly found: (text: string) => string;
};

const around =
  (on: string | number, off: number) =>
  (text: string): string =>
    text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`;

const bold = around(1, 22);
const coloured: Paint = {
  hue: (hue, text) => (hue === undefined ? text : around(codes[hue], 39)(text)),
  bold,
  dim: around(2, 22),
  found: around(7, 27),
};
const same = (text: string): string => text;
const plain: Paint = { hue: (_, text) => text, bold: same, dim: same, found: same };

export const paintOf = (colours: boolean): Paint => (colours ? coloured : plain);
