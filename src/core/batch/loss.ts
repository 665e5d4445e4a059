/** Computes loss from two running numbers. */

/**
 * Weighs a batch against the running number of the line that is due: how many lines are missing before it (retention
 * took them), and how many of its first lines the reader has had already.
 */
export function weigh(
  due: number,
  batch: { readonly line: number; readonly count: number },
): { missing: number; repeated: number } {
  return {
    missing: Math.max(0, batch.line - due),
    repeated: Math.min(batch.count, Math.max(0, due - batch.line)),
  };
}
