/** How tests wait for what has to come about. */
import { setTimeout as delay } from "node:timers/promises";
import { TestRunner } from "vitest";
import type { FakeClock } from "./fake-clock.ts";

type Holds = () => boolean | Promise<boolean>;
/** Says what there is instead, when the time is over. */
type Tells = { readonly tell?: () => string };
/** Of time that a test holds, and that passes meanwhile: `msMax` is a bound in it. */
type Held = Tells & { readonly clock: FakeClock; readonly msMax?: number };
/** Of time that passes by itself. Its only bound is the test's: how long is too long is the machine's to say. */
type Real = Tells & { readonly clock?: undefined; readonly msMax?: never };

const realStepMs = 5;
const heldStepMs = 50;

/** Resolves when `holds` does, which is looked at again and again; when the time is over, it is said what is missing. */
export async function until(holds: Holds, options: Held | Real = {}): Promise<void> {
  const { clock, msMax = 3_600_000, tell = () => `${holds}` } = options;
  if (clock === undefined) return awaited(comeAbout(holds), tell);
  await clock.advance(0); // what waits for no time
  for (const endMs = clock.monotonicMs() + msMax; !(await holds()); await clock.advance(heldStepMs))
    if (clock.monotonicMs() >= endMs) throw new Error(`still not so after ${msMax} ms: ${tell()}`);
}

/** Awaits what is coming. Should the test's time be over before, it is said what is missing. */
export async function awaited<Result>(coming: Promise<Result>, tell: () => string): Promise<Result> {
  const say = () => console.error(`still not so: ${tell()}`);
  const over = testIsOver();
  over?.addEventListener("abort", say);
  try {
    return await coming;
  } finally {
    over?.removeEventListener("abort", say);
  }
}

async function comeAbout(holds: Holds): Promise<void> {
  for (const over = testIsOver(); !(await holds()); await delay(realStepMs)) over?.throwIfAborted();
}

/** Aborted when the time of the test is over; there is none where all tests of a file are prepared. */
const testIsOver = (): AbortSignal | undefined => TestRunner.getCurrentTest()?.context.signal;
