/**
 * Searches everything that is kept of a log, backwards, for the newest lines that pass a filter. A search holds one
 * piece of the log and the numbers of the lines that it found, and takes at most `searchMsMax`.
 */
import type { StoredBatch } from "../core/batch/batch.ts";
import type { LineFilter } from "../core/filter/line-filter.ts";
import type { Payer, Selector } from "../patterns/selector.ts";
import type { ChannelLog, Clock } from "../ports.ts";
import { ticking } from "../ticking.ts";
import { turns } from "../turns.ts";
import type { Recent } from "./recent.ts";
import type { Searches } from "./searches.ts";

type SearchParts = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly clock: Clock;
  readonly selector: Selector;
  readonly searches: Searches;
};

export type Wanted = {
  readonly payer: Payer;
  readonly filter: LineFilter;
  /** The number of lines to find. */
  readonly lines: number;
  /** Lines that were accepted before this time are not looked at. */
  readonly acceptedMsMin: number;
  /** The search covers the lines before this one. */
  readonly endLine: number;
};

/** The progress of a search. */
export type Looked = {
  /** The number of lines that were looked at. */
  readonly lines: number;
  /** The time of acceptance of the oldest of them. */
  readonly sinceMs: number | undefined;
  readonly matches: number;
  /** `null`: it is going on. `all`: there are no more lines. `time`: it took too long, and is over. */
  readonly end: null | "found" | "all" | "time";
};

/** `numbers` are the channel's running numbers of the lines that were found, in order. */
export type Found = Looked & { readonly numbers: Float64Array };

/** From the opening of a stream. */
export const searchMsMax = 60_000;
/** The cost of reading a log on the event loop: an app that searches all day pays for it as for its patterns. */
const walkMsPerByte = 8e-6;
/** The wait until the budget is looked at again. */
const spentMs = 250;
/** Bytes of the log that are read at a time; a larger batch is read whole. */
const stepBytesMax = 1024 * 1024;
const stepLinesMin = 500;
const stepLinesMax = 8_000;

/** Searches, and yields its progress once a second. Ignore the result once `signal` is aborted. */
export async function* searchNewest(
  parts: SearchParts,
  wanted: Wanted,
  signal: AbortSignal,
): AsyncGenerator<Looked, Found, void> {
  const { clock } = parts;
  const late = new AbortController();
  const search = new Search(parts, wanted, AbortSignal.any([signal, late.signal]));
  const untilMs = clock.monotonicMs() + searchMsMax;
  const running = search.run();
  try {
    yield* ticking(running, clock, () => {
      if (clock.monotonicMs() >= untilMs) late.abort();
      return search.looked;
    });
    return search.found();
  } finally {
    late.abort();
    await running.catch(() => {}); // its caller gets the error
  }
}

class Search {
  end: Looked["end"] = null;
  readonly #parts: SearchParts;
  readonly #wanted: Wanted;
  readonly #over: AbortSignal;
  /** Newest first. */
  readonly #numbers: number[] = [];
  #lines = 0;
  #sinceMs: number | undefined;
  /** Lines before this one were not looked at. */
  #before: number;
  #stepLines = stepLinesMin;

  constructor(parts: SearchParts, wanted: Wanted, over: AbortSignal) {
    this.#parts = parts;
    this.#wanted = wanted;
    this.#before = wanted.endLine;
    this.#over = over;
  }

  get looked(): Looked {
    const { end } = this;
    return { lines: this.#lines, sinceMs: this.#sinceMs, matches: this.#numbers.length, end };
  }

  /** The result. A search that has not ended has run out of time. */
  found(): Found {
    this.end ??= "time";
    return { ...this.looked, numbers: Float64Array.from(this.#numbers.reverse()) };
  }

  /** Ends when everything was looked at, enough was found, or the time is up. */
  async run(): Promise<void> {
    const leave = await this.#parts.searches.enter(this.#wanted.payer.channel, this.#over);
    if (leave === undefined) return;
    try {
      while (this.end === null && !this.#over.aborted) {
        if (this.#parts.selector.isSpent(this.#wanted.payer)) {
          await this.#parts.clock.sleep(spentMs, this.#over);
          continue;
        }
        const batches = await this.#read();
        if (batches.length === 0) this.end = "all";
        while (batches.length > 0 && this.end === null && !this.#over.aborted) {
          await this.#look(batches.pop()!);
          if (turns.isOver) await turns.next(this.#wanted.payer.channel);
        }
      }
    } finally {
      leave();
    }
  }

  // Reads from memory if somebody has read the newest lines recently.
  async #read(): Promise<StoredBatch[]> {
    const { log, recent } = this.#parts;
    const { channel } = this.#wanted.payer;
    const kept = recent.holding(channel, this.#before - 1);
    if (kept !== undefined) return [kept];
    const within = { endLine: this.#before, bytesMax: stepBytesMax };
    const { batches } = await log.recent(channel, this.#stepLines, within);
    this.#stepLines = Math.min(2 * this.#stepLines, stepLinesMax);
    return [...batches];
  }

  async #look(batch: StoredBatch): Promise<void> {
    const { payer, filter, lines, acceptedMsMin } = this.#wanted;
    if (batch.acceptedAtMs < acceptedMsMin) {
      this.end = "all";
      return;
    }
    const { selector } = this.#parts;
    selector.spend(payer, batch.bytes.length * walkMsPerByte);
    const selecting = selector.select(payer, batch, filter, this.#over);
    const kept = selecting instanceof Promise ? await selecting : selecting;
    if (kept === undefined) return;
    const count = Math.min(batch.count, this.#before - batch.line); // the batch may continue after the end
    this.#lines += count;
    this.#sinceMs = batch.acceptedAtMs;
    this.#before = batch.line;
    for (let n = count - 1; n >= 0; n--) {
      if (kept[n] === 0) continue;
      this.#numbers.push(batch.line + n);
      if (this.#numbers.length < lines) continue;
      this.end = "found";
      return;
    }
  }
}
