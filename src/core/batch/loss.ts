/** Computes loss from two running numbers. */

/**
 * Compares a batch with the running number of the line that is due: how many lines before it are missing (retention
 * took them), and how many of its first lines the reader already has.
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
