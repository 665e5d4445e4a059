/** The clock, so that tests can control it. */
import { setTimeout as wait } from "node:timers/promises";

export type UpClock = {
  /** The time of day. */
  nowMs(): number;
  /** A clock in milliseconds that never goes back. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const upClock: UpClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => wait(ms, undefined, { signal }).catch(() => {}),
};
