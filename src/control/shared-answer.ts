/**
 * Shares an answer that costs something and is the same for everybody: it is made once at a time and at most once in
 * `ageMsMax`, however many ask. A failure is told to those who waited for it, and is not kept.
 */
export function sharedAnswer<Value>(
  make: () => Promise<Value>,
  ageMsMax: number,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<Value> {
  let kept: { readonly value: Promise<Value>; madeAtMs: number } | undefined;
  return () => {
    if (kept !== undefined && monotonicMs() - kept.madeAtMs < ageMsMax) return kept.value;
    const made = { value: make(), madeAtMs: Number.POSITIVE_INFINITY }; // it does not age while it is being made
    kept = made;
    made.value.then(
      () => {
        made.madeAtMs = monotonicMs();
      },
      () => {
        if (kept === made) kept = undefined;
      },
    );
    return made.value;
  };
}
