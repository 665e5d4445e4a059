/** Names of processes: their order, and those that a filter names and that are not there. */

/** `web.2` is before `web.10`. */
export const byName = new Intl.Collator("en", { numeric: true });

/** Those of `dynos`, processes or types, that none of `names` is. One with a star may be many. */
export const missingIn = (names: readonly string[], dynos: readonly string[]): readonly string[] =>
  dynos.filter(
    (wanted) =>
      !wanted.includes("*") && !names.some((name) => name === wanted || name.startsWith(`${wanted}.`)),
  );
