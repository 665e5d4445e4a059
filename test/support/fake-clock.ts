/** Time that a test holds: it moves when the test says so. */
import type { Clock } from "../../src/ports.ts";

type Sleeper = { readonly atMs: number; readonly wake: () => void };

export class FakeClock implements Clock {
  /** Since the clock was made. */
  #elapsedMs = 0;
  /** The time of day is off from that by so much. */
  #startMs: number;
  #sleepers: Sleeper[] = [];

  constructor(startMs = Date.parse("2024-05-01T10:00:00Z")) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return 5_000 + this.#elapsedMs;
  }

  /** Sets the time of day forward, or back: no time passes, and nobody wakes. */
  jump(ms: number): void {
    this.#startMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { atMs: this.#elapsedMs + Math.max(0, ms), wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** How many wait for the time. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves the time by `ms`, waking sleepers in their order and letting each do its work before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    for (;;) {
      await settled();
      const next = this.#sleepers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      next.wake();
    }
    this.#elapsedMs = untilMs;
  }
}

/** Lets everything happen that waits for no time: promises and immediates, several rounds of them. */
export async function settled(rounds = 4): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise((resolve) => setImmediate(resolve));
}
