/** How tests wait for what has to come about. */
import { setTimeout as delay } from "node:timers/promises";
import type { FakeClock } from "./fake-clock.ts";

type UntilOptions = {
  /** Of the time that a test holds, which passes meanwhile; without one time passes by itself. */
  readonly clock?: FakeClock;
  /** A bound in that time. */
  readonly msMax?: number;
  /** What there is instead, when the time is over. */
  readonly tell?: () => string;
};

const realStepMs = 5;
const heldStepMs = 50;

/** Resolves when `holds` does, which is looked at again and again; throws when the time is over. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { clock, msMax = clock === undefined ? 15_000 : 3_600_000, tell = () => `${holds}` }: UntilOptions = {},
): Promise<void> {
  await clock?.advance(0); // what waits for no time
  const nowMs = () => (clock === undefined ? performance.now() : clock.monotonicMs());
  for (const endMs = nowMs() + msMax; !(await holds()); ) {
    if (nowMs() >= endMs) throw new Error(`still not so after ${msMax} ms: ${tell()}`);
    if (clock === undefined) await delay(realStepMs);
    else await clock.advance(heldStepMs);
  }
}
