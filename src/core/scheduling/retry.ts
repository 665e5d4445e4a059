/** Retry policies are data; a test computes what they add up to. */
export type RetryPolicy = {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly factor: number;
  /** Infinity: it never gives up. */
  readonly attemptsMax: number;
  /** The share of the delay by which it varies, 0…1. */
  readonly jitter: number;
};

/** A drain never gives up: retention bounds what waits for it. */
export const drainRetry: RetryPolicy = {
  delayMsMin: 250,
  delayMsMax: 30_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};

/** Delay before retry number `attempt` (0-based), or null once the policy gives up. `random` is in [0, 1). */
export function retryDelayMs(policy: RetryPolicy, attempt: number, random: number): number | null {
  if (attempt >= policy.attemptsMax) return null;
  const delayMs = Math.min(policy.delayMsMin * policy.factor ** attempt, policy.delayMsMax);
  return Math.round(delayMs * (1 + policy.jitter * (2 * random - 1)));
}
