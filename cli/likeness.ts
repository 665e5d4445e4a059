/** Suggests the existing name that a mistyped one was probably meant to be. */

/** The most letters that may differ. */
const distanceMax = 2;
/** Longer names are not compared, and at most this many names. */
const charsMax = 100;
const namesMax = 2_000;

/** The nearest of `names`, if at most two letters differ, and at most half of them. */
export function nameLike(name: string, names: readonly string[]): string | undefined {
  const compared = name.length > charsMax ? [] : names.filter((one) => one.length <= charsMax);
  const distances = compared
    .slice(0, namesMax)
    .map((known) => ({ known, distance: distanceOf(name, known) }))
    .filter(({ known, distance }) => distance <= Math.min(distanceMax, known.length / 2));
  return distances.reduce<(typeof distances)[0] | undefined>(
    (best, other) => (best === undefined || other.distance < best.distance ? other : best),
    undefined,
  )?.known;
}

/** Letters to insert, delete, replace or swap with the next (optimal string alignment). */
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
