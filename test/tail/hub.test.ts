import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Position, positionAt } from "../../src/core/position.ts";
import {
  type Feed,
  type Hub,
  Hubs,
  type Member,
  pieceBytesMax,
  type TailPlace,
  waitMsMax,
} from "../../src/tail/hub.ts";
import type { TailPart } from "../../src/tail/tail-part.ts";

/** A log of parts that grows, and counts how often it is read. */
class GrowingLog {
  readonly parts: TailPart[] = [];
  readings = 0;
  #wake = () => {};
  #failure: Error | undefined;

  append(bytes = `${this.parts.length}\n`): void {
    const sequence = this.parts.length + 1;
    const next = { line: sequence, acceptedAtMs: sequence };
    this.parts.push({ bytes: Buffer.from(bytes), count: 1, position: positionAt(sequence, 1), next });
    this.#wake();
  }

  fail(failure: Error): void {
    this.#failure = failure;
    this.#wake();
  }

  get end(): TailPlace {
    return this.placeOf(this.parts.length);
  }

  placeOf(count: number): TailPlace {
    const last = this.parts[count - 1];
    return last === undefined
      ? { position: positionAt(0, 0), next: { line: 0, acceptedAtMs: 0 } }
      : { position: last.position!, next: last.next! };
  }

  readonly feed: Feed = {
    key: "app",
    channel: "app",
    isEnd: (position: Position) => position === this.end.position,
    read: (from, signal) => this.#read(from, signal),
  };

  async *#read(from: TailPlace, signal: AbortSignal): AsyncGenerator<TailPart, void, void> {
    this.readings++;
    for (let at = from.next.line ?? 0; !signal.aborted; ) {
      const part = this.parts[at];
      if (part !== undefined) {
        at++;
        yield part;
      } else if (this.#failure !== undefined) throw this.#failure;
      else
        await new Promise<void>((resolve) => {
          const before = this.#wake;
          this.#wake = () => {
            before();
            resolve();
          };
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
    }
  }
}

/** A tail that joins when it can, and reads on by itself from where it left. */
class Tail implements Member {
  received = "";
  writes = 0;
  isSlow = false;
  place: TailPlace;
  hub: Hub | undefined;
  failure: unknown;

  readonly log: GrowingLog;
  readonly hubs: Hubs;

  constructor(log: GrowingLog, hubs: Hubs) {
    this.log = log;
    this.hubs = hubs;
    this.place = log.placeOf(0);
    this.goOn();
  }

  /** Reads what there is by itself and joins. */
  goOn(): void {
    if (this.hub !== undefined || this.isSlow) return;
    for (let at = this.place.next.line ?? 0; at < this.log.parts.length; at++) {
      this.received += this.log.parts[at]!.bytes.toString();
      this.place = this.log.placeOf(at + 1);
    }
    this.hub = this.hubs.join(this.log.feed, this.place, this);
  }

  take({ bytes }: TailPart): boolean {
    if (this.isSlow) return false;
    this.received += bytes.toString();
    this.writes++;
    return true;
  }

  left(place: TailPlace): void {
    this.place = place;
    this.hub = undefined;
  }

  ended(failure?: unknown): void {
    this.failure = failure;
    this.hub = undefined;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const eventually = async (holds: () => boolean) => {
  while (!holds()) await turn();
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("tails that share a reading", () => {
  it("are each told every line once and in order, however they come, stall and go on", async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("append" as const), count: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.constant({ kind: "large" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "come" as const }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("stall" as const), tail: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("go on" as const), tail: fc.nat() }) },
      { weight: 3, arbitrary: fc.constant({ kind: "turn" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 1, 3), async (steps, lookMs) => {
        let nowMs = 1_000_000;
        vi.spyOn(performance, "now").mockImplementation(() => (nowMs += lookMs)); // turns are over after few looks
        const log = new GrowingLog();
        const hubs = new Hubs();
        const tails: Tail[] = [new Tail(log, hubs)];
        for (const next of steps) {
          if (next.kind === "append") for (let left = next.count; left > 0; left--) log.append();
          else if (next.kind === "large") log.append(`${"x".repeat(pieceBytesMax)}\n`);
          else if (next.kind === "come") tails.push(new Tail(log, hubs));
          else if (next.kind === "turn") await turn();
          else {
            const tail = tails[next.tail % tails.length]!;
            tail.isSlow = next.kind === "stall";
            tail.goOn();
          }
        }
        for (const tail of tails) tail.isSlow = false;
        const whole = log.parts.map(({ bytes }) => bytes.toString()).join("");
        await eventually(() => {
          for (const tail of tails) tail.goOn();
          return tails.every(({ received }) => received.length >= whole.length);
        });
        await turn();
        for (const { received } of tails) expect(received).toBe(whole);
        for (const tail of tails) tail.hub?.remove(tail);
      }),
      { numRuns: 200 },
    );
  });

  it("read the log once, and when they are many they write once for all lines of a window", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const log = new GrowingLog();
    const hubs = new Hubs();
    const tails = Array.from({ length: 1_000 }, () => new Tail(log, hubs));
    expect(log.readings).toBe(1);
    const linesEach = 500;
    for (let line = 0; line < linesEach; line++) {
      log.append();
      await turn();
    }
    vi.advanceTimersByTime(waitMsMax);
    const whole = log.parts.map(({ bytes }) => bytes.toString()).join("");
    await eventually(() => tails.every(({ received }) => received.length === whole.length));
    expect(tails.every(({ received }) => received === whole)).toBe(true);
    expect(log.readings).toBe(1);
    expect(new Set(tails.map(({ writes }) => writes))).toEqual(new Set([2])); // the first line, and all others
    for (const tail of tails) tail.hub?.remove(tail);
  });

  it("all hear that the log could not be read, after all that was read", async () => {
    const log = new GrowingLog();
    const hubs = new Hubs();
    const tails = Array.from({ length: 3 }, () => new Tail(log, hubs));
    log.append();
    const failure = new Error("the disk is gone");
    log.fail(failure);
    await eventually(() => tails.every((tail) => tail.failure === failure));
    expect(tails.map(({ received }) => received)).toEqual(["0\n", "0\n", "0\n"]);
  });

  it("let the reading go with the last of them", async () => {
    const log = new GrowingLog();
    const hubs = new Hubs();
    const [first, second] = [new Tail(log, hubs), new Tail(log, hubs)];
    first.hub!.remove(first);
    log.append();
    await eventually(() => second.received === "0\n");
    expect(first.received).toBe("");
    second.hub!.remove(second);
    const later = new Tail(log, hubs);
    expect(later.hub).toBeDefined();
    expect(log.readings).toBe(2);
    later.hub!.remove(later);
  });
});
