import { turns } from "../turns.ts";

/**
 * Shares an answer that costs something and is the same for everybody: it is made once at a time and at most once in
 * `ageMsMax`, however many ask. Those who waited for it go on a few in each turn of the event loop. A failure is told to
 * them, and is not kept.
 */
export function sharedAnswer<Value>(
  make: () => Promise<Value>,
  ageMsMax: number,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<Value> {
  let kept: { readonly value: Promise<Value>; madeAtMs: number } | undefined;
  return () => {
    if (kept !== undefined && monotonicMs() - kept.madeAtMs < ageMsMax) {
      return Number.isFinite(kept.madeAtMs) ? kept.value : inTurn(kept.value);
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
    return inTurn(made.value);
  };
}

async function inTurn<Value>(made: Promise<Value>): Promise<Value> {
  const value = await made;
  await turns.next("shared");
  return value;
}
