/** If nothing is known, a chart draws nothing: no line across, and an isolated value as a point. Pure. */

type Values = readonly (number | null)[];

/**
 * Inserts an empty moment after each sample that the next one follows by more than `gapMsMax`: the page was hidden, or
 * nobody counted. Unchanged without it, or if there is no such gap.
 */
export function withGaps<Of extends { readonly values: Values }>(
  timesMs: readonly number[],
  series: readonly Of[],
  gapMsMax: number | undefined,
): { readonly timesMs: readonly number[]; readonly series: readonly Of[] } {
  const gaps = timesMs.flatMap((timeMs, n) =>
    gapMsMax !== undefined && n > 0 && timeMs - timesMs[n - 1]! > gapMsMax ? [n] : [],
  );
  if (gaps.length === 0) return { timesMs, series };
  return {
    timesMs: spread(timesMs, gaps, (before) => before + 1),
    series: series.map((one) => ({ ...one, values: spread<number | null>(one.values, gaps, () => null) })),
  };
}

/** `list` with something inserted before each place in `gaps`. */
function spread<Value>(
  list: readonly Value[],
  gaps: readonly number[],
  between: (before: Value) => Value,
): Value[] {
  const out: Value[] = [];
  let from = 0;
  for (const at of gaps) {
    out.push(...list.slice(from, at), between(list[at - 1]!));
    from = at;
  }
  return [...out, ...list.slice(from)];
}

/** The places of values without a neighbour on either side, so that no line leads to them. */
export function lonePlaces(values: readonly (number | null | undefined)[]): number[] {
  return values.flatMap((value, n) =>
    value != null && values[n - 1] == null && values[n + 1] == null ? [n] : [],
  );
}

/** Each value repeated over the nulls after it, at most `placesMax` times. */
export function heldOver(values: Values, placesMax: number): (number | null)[] {
  let last: number | null = null;
  let left = 0;
  return values.map((value) => {
    if (value !== null) {
      last = value;
      left = placesMax;
    } else if (left-- <= 0) last = null;
    return last;
  });
}
