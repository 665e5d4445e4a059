/** Waits for something slow and, in the meantime, yields once a second to say so. */
import type { Clock } from "./ports.ts";

/** How often the reader of a stream is told that work goes on. */
export const tickMs = 1_000;

const tick = Symbol("tick");

/** Waits for `promise`; in the meantime yields the result of `tell` once a second. */
export async function* ticking<Value, Sign>(
  promise: Promise<Value>,
  clock: Clock,
  tell: () => Sign,
): AsyncGenerator<Sign, Value, void> {
  for (;;) {
    const settled = new AbortController();
    try {
      const first = await Promise.race([promise, clock.sleep(tickMs, settled.signal).then(() => tick)]);
      if (first !== tick) return first as Value;
    } finally {
      settled.abort();
    }
    yield tell();
  }
}
