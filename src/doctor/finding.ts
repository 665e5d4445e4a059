/** One finding of the doctor: what it checked, the result, and what to do if it is not well. */
export type Finding = {
  /** The part of the set-up, in one word: `disk`, `http`, … */
  readonly part: string;
  /**
   * `unknown`: it cannot be checked from here, and `mend` says how it could. Only `well` and `unknown` are no trouble.
   */
  readonly state: "well" | "warning" | "ill" | "unknown";
  readonly what: string;
  readonly mend?: string;
};

export const well = (part: string, what: string): Finding => ({ part, state: "well", what });
export const warning = (part: string, what: string, mend: string): Finding => ({
  part,
  state: "warning",
  what,
  mend,
});
export const ill = (part: string, what: string, mend: string): Finding => ({
  part,
  state: "ill",
  what,
  mend,
});
export const unknown = (part: string, what: string, mend: string): Finding => ({
  part,
  state: "unknown",
  what,
  mend,
});

/** A number of bytes for people to read. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
