/** A destination with moods. What it took is kept, also where its answer was lost on the way. */
import assert from "node:assert";
import type { Clock, Parcel, Sink, Verdict } from "../../src/ports.ts";
import { textsOfParcel } from "../drains/rig.ts";

/**
 * - `well` takes everything, `slow` in its time.
 * - `down` takes nothing; `silent` neither takes nor answers, until the attempt's time is over.
 * - `forgetful` takes the lines and the answer is lost.
 * - `narrow` takes three lines at a time, `picky` refuses what holds a line it dislikes.
 */
export const moods = ["well", "slow", "down", "silent", "forgetful", "narrow", "picky"] as const;
export type Mood = (typeof moods)[number];

const slowMs = 300;
const attemptMsMax = 10_000;
const narrowLines = 3;

/** Lines of numbers that end so are disliked by the picky. */
export const isDisliked = (text: string): boolean => /^line \d*3$/.test(text);

export class Receiver {
  mood: Mood = "well";
  /** Texts in the order in which they were taken, repeats included. */
  readonly taken: string[] = [];
  /** Texts that were refused at some time; a crash may have forgotten that, and they were sent again. */
  readonly refused = new Set<string>();
  /** What came under a parcel id, the first time. */
  readonly #parcels = new Map<string, string>();

  /** A sink as one process uses it, on that process's clock. */
  sink(clock: Clock, isAlive: () => boolean): Sink {
    return {
      deliver: async (parcel, signal) => {
        const verdict = isAlive()
          ? await this.#answer(parcel, clock, signal)
          : await new Promise<never>(() => {});
        signal.throwIfAborted();
        return verdict;
      },
      close: async () => {},
    };
  }

  async #answer(parcel: Parcel, clock: Clock, signal: AbortSignal): Promise<Verdict> {
    const texts = textsOfParcel(parcel);
    const before = this.#parcels.get(parcel.parcelId) ?? texts.join("\n");
    assert.equal(texts.join("\n"), before, "one parcel id stands for the same lines for ever");
    this.#parcels.set(parcel.parcelId, before);
    const { mood } = this;
    switch (mood) {
      case "silent":
        await clock.sleep(attemptMsMax, signal);
        return { kind: "retry", reason: "no answer" };
      case "down":
        return { kind: "retry", reason: "down", afterMs: 100 };
      case "slow":
        await clock.sleep(slowMs, signal);
        break;
      case "narrow":
        if (texts.length > narrowLines) return { kind: "split", reason: "too much" };
        break;
      case "picky":
        if (!texts.some(isDisliked)) break;
        for (const text of texts) this.refused.add(text);
        return { kind: "refused", reason: "not this one" };
    }
    this.taken.push(...texts);
    return mood === "forgetful" ? { kind: "retry", reason: "the answer was lost" } : { kind: "delivered" };
  }
}
