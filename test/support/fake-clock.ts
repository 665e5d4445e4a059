/** A clock that a test controls: its time moves only when the test says so. */
import type { Clock } from "../../src/ports.ts";

type FakeClockOptions = {
  /** The time of day at first. */
  readonly startMs?: number;
  /** Sleeps end on multiples of this, all that do at once: quick where many sleep often. */
  readonly gridMs?: number;
  /** Turns of the event loop that the work of one moment takes at most. Promises alone take one. */
  readonly turns?: number;
};

export class FakeClock implements Clock {
  /** Since the clock was made. */
  #elapsedMs = 0;
  /** The difference between the time of day and that. */
  #startMs: number;
  readonly #gridMs: number;
  readonly #turns: number;
  /** Who sleeps until when. */
  readonly #sleepers = new Map<number, Set<() => void>>();

  constructor({
    startMs = Date.parse("2024-05-01T10:00:00Z"),
    gridMs = 0,
    turns = 4,
  }: FakeClockOptions = {}) {
    this.#startMs = startMs;
    this.#gridMs = gridMs;
    this.#turns = turns;
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
    const atMs = this.#onGrid(this.#elapsedMs + Math.max(0, ms));
    const sleepers = this.#sleepers.get(atMs) ?? new Set();
    this.#sleepers.set(atMs, sleepers);
    return new Promise((resolve) => {
      const wake = () => {
        sleepers.delete(wake);
        if (sleepers.size === 0) this.#sleepers.delete(atMs);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      sleepers.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** How many wait for the time. */
  get sleeping(): number {
    let sleeping = 0;
    for (const { size } of this.#sleepers.values()) sleeping += size;
    return sleeping;
  }

  /** Moves the time by `ms`, waking sleepers in their order and letting those of one moment do their work before the next. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    for (;;) {
      await settled(this.#turns);
      let nextMs = Number.POSITIVE_INFINITY;
      for (const atMs of this.#sleepers.keys()) if (atMs < nextMs) nextMs = atMs;
      if (nextMs > untilMs) break;
      this.#elapsedMs = Math.max(this.#elapsedMs, nextMs);
      for (const wake of [...this.#sleepers.get(nextMs)!]) wake();
    }
    this.#elapsedMs = untilMs;
  }

  #onGrid(atMs: number): number {
    if (this.#gridMs === 0) return atMs;
    return (
      Math.max(Math.ceil(atMs / this.#gridMs), Math.floor(this.#elapsedMs / this.#gridMs) + 1) * this.#gridMs
    );
  }
}

/** Runs everything that does not wait for time: promises and immediates, for several turns. */
export async function settled(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
