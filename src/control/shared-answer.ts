import { joined } from "../turns.ts";

/**
 * Shares an expensive answer that is the same for everybody: it is made at most once at a time and once in `ageMsMax`,
 * however many ask. Those who waited for it continue a few per turn of the event loop. They all get a failure, but it
 * is not cached.
 */
export function sharedAnswer<Value>(
  make: () => Promise<Value>,
  ageMsMax: number,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<Value> {
  let kept: { readonly value: Promise<Value>; madeAtMs: number } | undefined;
  return () => {
    if (kept !== undefined && monotonicMs() - kept.madeAtMs < ageMsMax) {
      return Number.isFinite(kept.madeAtMs) ? kept.value : joined(kept.value, "shared");
    }
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
    return joined(made.value, "shared");
  };
}
