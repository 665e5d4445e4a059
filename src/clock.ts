import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./ports.ts";

/** The machine's own time. Waits do not keep the process alive. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => {});
  },
};
