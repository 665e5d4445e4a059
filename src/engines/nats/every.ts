/** Work that is repeated at an interval. */
import type { Clock } from "../../ports.ts";

/**
 * Runs `work` every `everyMs` until `signal` is aborted, one run at a time; a long run delays the next. `work` must
 * not reject.
 */
export async function every(
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
  work: () => unknown,
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal);
    if (signal.aborted) return;
    await work();
  }
}
