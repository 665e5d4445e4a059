/** Names of processes: their order, and those in a filter that do not exist. */

/** Sorts `web.2` before `web.10`. */
export const byName = new Intl.Collator("en", { numeric: true });

/** Those of `dynos`, processes or types, that match none of `names`. One with a star may match many. */
export const missingIn = (names: readonly string[], dynos: readonly string[]): readonly string[] =>
  dynos.filter(
    (wanted) =>
      !wanted.includes("*") && !names.some((name) => name === wanted || name.startsWith(`${wanted}.`)),
  );
