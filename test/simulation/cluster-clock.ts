/** Time that a test holds, in steps: all whose time has come wake in the same one. Quick where many sleep often. */
import type { Clock } from "../../src/ports.ts";

const stepMs = 10;

export class SteppedClock implements Clock {
  #nowMs = Date.parse("2024-05-01T10:00:00Z");
  readonly #sleepers = new Map<number, Set<() => void>>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const atMs = this.#nowMs + Math.max(1, Math.ceil(ms / stepMs)) * stepMs;
    return new Promise((resolve) => {
      const sleepers = this.#sleepers.get(atMs) ?? new Set();
      this.#sleepers.set(atMs, sleepers);
      const wake = () => {
        sleepers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      sleepers.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  async advance(ms: number): Promise<void> {
    await idle();
    for (const untilMs = this.#nowMs + ms; this.#nowMs < untilMs; ) {
      this.#nowMs += stepMs;
      const sleepers = this.#sleepers.get(this.#nowMs);
      if (sleepers === undefined) continue;
      this.#sleepers.delete(this.#nowMs);
      if (sleepers.size === 0) continue;
      for (const wake of sleepers) wake();
      await idle();
    }
  }
}

/** Every promise that waits for no time has gone as far as it can: nothing here waits for anything else. */
const idle = () => new Promise((resolve) => setImmediate(resolve));
