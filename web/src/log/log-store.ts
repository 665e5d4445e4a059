/**
 * The contents of one list, and where they come from: a part of the log without gaps, which grows at its newer end by
 * the stream and at its older end by reading backwards. It notifies its listeners at most ten times a second.
 */
import { ApiFailure } from "../api-failure.ts";
import type { LogHistogram } from "../api-types.ts";
import { type Filter, hasNeighbours, isOpen, isSearch, searchFields, sessionFields } from "./filter.ts";
import type { Line } from "./line.ts";
import { LineRing, type RingEntry } from "./line-ring.ts";
import { LogCounts } from "./log-counts.ts";
import { type FoundLines, readLines } from "./log-search.ts";
import { LogStream, type StreamState } from "./log-stream.ts";
import type { Stretch } from "./picked.ts";
import { placeBefore } from "./place-before.ts";

/** The bounds of a list, in lines and memory. */
const ringBounds = { linesMax: 10_000, bytesMax: 24 * 1024 * 1024 } as const;
const firstLines = 1_000;
const olderLines = 500;
/** For a reader who is not at the end: with this many lines ahead, the stream is paused. */
const aheadMax = 4_000;
const tellEveryMs = 100;
const caughtUpMs = 1_500;
/** About how many lines one answer to a search has, including neighbours. */
const searchedMax = 2_000;
/** Older lines that could not be read are asked for again after this long. */
const againMs = 2_000;
/** Lines that come within this time after opening are history, and do not count for the pace. */
const historyMs = 1_000;

type StoreState = {
  readonly stream: StreamState;
  readonly isFollowing: boolean;
  /** True if the oldest line that is kept and passes the filter is loaded. */
  readonly isOldestHere: boolean;
  readonly isLoadingOlder: boolean;
  /** Why older lines could not be read, the last time. */
  readonly olderFault: string | undefined;
  /** Counts every change of the lines. */
  readonly version: number;
  readonly ratePerS: number;
  /** True if the list has been open long enough for a meaningful rate. */
  readonly isPaceKnown: boolean;
  /** Missing lines; undefined if there is a filter. */
  readonly missing: number | undefined;
  readonly received: number;
  /** True if a link leads into a log that no longer exists. */
  readonly isForeign: boolean;
};

export class LogStore {
  readonly ring = new LineRing(ringBounds);
  readonly counts = new LogCounts();
  readonly app: string;
  readonly filter: Filter;
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #stream: LogStream | undefined;
  #state: StoreState;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due: number | undefined;
  #rate: { ms: number; lines: number }[] = [];
  #resumed: { from: string; seconds: number } | undefined;
  /** Lines at the newer end that the reader has not reached. */
  #ahead = 0;
  #isOfNewest = true;
  #takenAtMs = 0;
  #newest: Line | undefined;
  #openedAtMs = 0;
  /** Set if the list shows a stretch: nothing before it is read, and nothing from this number on. */
  #stretchEnd: number | undefined;
  #isStretchRead = false;
  #isSearched = false;
  #searching: AbortController | undefined;
  /** The numbers of lines that a search found, as opposed to their neighbours. */
  readonly #found = new Set<number>();

  constructor(app: string, filter: Filter) {
    this.app = app;
    this.filter = filter;
    this.#state = {
      stream: { kind: "connecting" },
      isFollowing: true,
      isOldestHere: false,
      isLoadingOlder: false,
      olderFault: undefined,
      version: 0,
      ratePerS: 0,
      isPaceKnown: false,
      missing: isOpen(filter) && !isSearch(filter) ? 0 : undefined,
      received: 0,
      isForeign: false,
    };
  }

  get state(): StoreState {
    return this.#state;
  }

  /** The newest line that the list has received, whether or not it is still held. */
  get newest(): Line | undefined {
    return this.#newest;
  }

  /** True if the stream is being read, so that new lines appear. */
  get isAttached(): boolean {
    return this.#stream !== undefined;
  }

  /** False for a neighbour of a match. */
  isFound({ number }: Line): boolean {
    return number === undefined || !hasNeighbours(this.filter) || this.#found.has(number);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows the newest lines and those that come; for a search, the existing ones. */
  follow(): void {
    if (isSearch(this.filter)) return void this.#search();
    const isWhole = this.#stretchEnd === undefined;
    const isNear = isWhole && this.isAttached && !this.ring.isCutNewer && this.#isCaughtUp();
    this.#set({ isFollowing: true, isForeign: false });
    if (isNear) return;
    this.#clear();
    const { since } = this.filter;
    this.#open({ kind: "newest", lines: firstLines, ...(since && { since }) });
  }

  /** Lines stay where they are; new ones are held up to a bound. */
  pause(): void {
    if (this.#state.isFollowing) this.#set({ isFollowing: false });
  }

  /** Shows the lines around this position. */
  async openAt(position: string): Promise<void> {
    this.#set({ isFollowing: false });
    this.#clear();
    const found = await this.#readOlder(position);
    if (found?.isForeign) return this.#set({ isForeign: true, isOldestHere: true });
    this.#open({ kind: "after", position });
  }

  /** Shows a stretch of the log: from a place or a time up to a line number. */
  openStretch({ from, endLine }: Stretch): void {
    this.#set({ isFollowing: false });
    this.#clear();
    this.#stretchEnd = endLine;
    if (from.kind === "place") this.#open({ kind: "after", position: from.position });
    else this.#open({ kind: "since", since: new Date(from.timeMs).toISOString() });
  }

  /** Loads more lines at the older end, if there are any. */
  async loadOlder(): Promise<void> {
    const first = this.ring.first();
    if (first === undefined || this.#state.isLoadingOlder || this.#state.isOldestHere) return;
    if (this.#stretchEnd !== undefined || this.isFull) return;
    // The position of a line is the place after it; the place before it is one line back.
    await this.#readOlder(placeBefore(first.position));
  }

  /** Resumes the stream where it was paused. */
  loadNewer(): void {
    const last = this.ring.last();
    if (this.#stream !== undefined || last === undefined) return;
    if (this.#isStretchRead || this.#isSearched) return;
    this.ring.isCutNewer = false;
    this.#due = last.number === undefined ? undefined : last.number + 1;
    this.#open({ kind: "after", position: last.position });
  }

  /** True if a search found more than the list can hold. */
  get isFull(): boolean {
    return this.#isSearched && this.ring.count + searchedMax > ringBounds.linesMax;
  }

  /** The reader has come to this many lines from the newer end. */
  seen(linesAhead: number): void {
    this.#ahead = linesAhead;
    if (this.#state.isFollowing) return;
    if (linesAhead < aheadMax / 4) this.loadNewer();
  }

  /** Takes the server's counts of lines over time. */
  count(histogram: LogHistogram, spanMs: number | undefined): void {
    this.counts.tell(histogram, spanMs, this.ring);
    this.#tell();
  }

  close(): void {
    this.#stop.abort();
    this.#stream?.stop();
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  async #search(): Promise<void> {
    this.#clear();
    this.#isSearched = true;
    this.#set({ isFollowing: true, isForeign: false, stream: { kind: "connecting" } });
    this.#searching = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, this.#searching.signal]);
    const { until } = this.filter;
    try {
      const body = {
        ...searchFields(this.filter),
        lines: this.#linesOf(firstLines),
        ...(until && { until }),
      };
      const { lines, isAll, found } = await readLines(this.app, body, ringBounds, signal);
      for (const number of found) this.#found.add(number);
      this.ring.pushNewer(lines.filter(({ number }) => number !== undefined));
      this.#set({ stream: { kind: "searched" }, isOldestHere: isAll });
    } catch (failure) {
      if (!signal.aborted) this.#set({ stream: { kind: "refused", why: (failure as Error).message } });
    }
  }

  // Each match brings its neighbours.
  #linesOf(lines: number): number {
    const { before = 0, after = 0 } = this.filter;
    return Math.max(10, Math.min(lines, Math.floor(searchedMax / (1 + before + after))));
  }

  async #readOlder(before: string): Promise<FoundLines | undefined> {
    this.#set({ isLoadingOlder: true });
    try {
      const { signal } = this.#stop;
      const fields = this.#isSearched ? searchFields(this.filter) : sessionFields(this.filter);
      const { since } = this.filter;
      const body = { ...fields, ...(since && { since }), before, lines: this.#linesOf(olderLines) };
      const found = await readLines(this.app, body, ringBounds, signal);
      for (const number of found.found) this.#found.add(number);
      const held = new Set<string>();
      for (let n = 0; n < Math.min(this.ring.count, searchedMax); n++) held.add(this.ring.at(n)!.key);
      const fresh = found.lines.filter((line) => line.number !== undefined && !held.has(line.key));
      for (const line of fresh.toReversed()) this.counts.add(line);
      this.ring.pushOlder(fresh);
      if (this.ring.isCutNewer) this.#detach();
      const isOldestHere = found.isAll || fresh.length === 0;
      this.#set({ isLoadingOlder: false, olderFault: undefined, isOldestHere });
      this.#tell();
      return found;
    } catch (failure) {
      if (this.#stop.signal.aborted) return undefined;
      this.#set({ olderFault: failure instanceof ApiFailure ? failure.message : "The connection broke." });
      setTimeout(() => this.#set({ isLoadingOlder: false }), againMs);
      return undefined;
    }
  }

  #open(start: Parameters<LogStream["start"]>[0]): void {
    this.#stream?.stop();
    const stream = new LogStream(this.app, sessionFields(this.filter), {
      onLines: (lines) => this.#stream === stream && this.#take(lines),
      onState: (state) => this.#stream === stream && this.#set({ stream: state }),
      onResumed: (from, seconds) => {
        this.#resumed = { from, seconds };
      },
      onReplaced: () => {
        this.ring.clear();
        this.counts.clear();
        this.#due = undefined;
      },
    });
    this.#stream = stream;
    this.#isOfNewest = start.kind === "newest";
    this.#openedAtMs = performance.now();
    this.#takenAtMs = performance.now();
    stream.start(start);
  }

  #detach(): void {
    this.#stream?.stop();
    this.#stream = undefined;
    this.ring.isCutNewer = true;
  }

  // A stream that began elsewhere has caught up when no more existing lines come.
  #isCaughtUp(): boolean {
    return this.#isOfNewest || performance.now() - this.#takenAtMs > caughtUpMs;
  }

  #take(lines: readonly Line[]): void {
    this.#takenAtMs = performance.now();
    if (!this.#state.isFollowing) {
      this.#ahead += lines.length;
      this.#isStretchRead = (lines[0]!.number ?? 0) >= (this.#stretchEnd ?? Number.POSITIVE_INFINITY);
      if (this.#isStretchRead || this.#ahead > aheadMax) {
        this.#detach(); // they are read again when the reader gets there
        return;
      }
    }
    const entries: RingEntry[] = [];
    let missing = 0;
    for (const line of lines) {
      if (line.number !== undefined && isOpen(this.filter)) {
        missing += this.#due === undefined ? 0 : Math.max(0, line.number - this.#due);
        this.#due = line.number + 1;
      }
      if (this.#resumed !== undefined) {
        const { from, seconds } = this.#resumed;
        this.#resumed = undefined;
        const lost = isOpen(this.filter) ? missing : undefined;
        entries.push({
          kind: "resumed",
          key: `resumed ${line.key}`,
          seconds,
          from,
          to: line.position,
          missing: lost,
        });
      }
      entries.push(line);
      if ((line.number ?? -1) > (this.#newest?.number ?? -1)) this.#newest = line;
      this.counts.add(line);
    }
    const gone = this.ring.pushNewer(entries);
    const nowMs = performance.now();
    if (nowMs - this.#openedAtMs > historyMs) this.#rate.push({ ms: nowMs, lines: lines.length });
    this.#state = {
      ...this.#state,
      received: this.#state.received + lines.length,
      ...(gone > 0 && { isOldestHere: false }),
      ...(this.#state.missing !== undefined && { missing: this.#state.missing + missing }),
    };
    this.#tell();
  }

  #clear(): void {
    this.#searching?.abort();
    this.#isSearched = false;
    this.#stream?.stop();
    this.#stream = undefined;
    this.ring.clear();
    this.#found.clear();
    this.#ahead = 0;
    this.#due = undefined;
    this.#stretchEnd = undefined;
    this.#isStretchRead = false;
    this.#set({ isOldestHere: false, ...(this.#state.missing !== undefined && { missing: 0 }) });
  }

  #set(change: Partial<StoreState>): void {
    this.#state = { ...this.#state, ...change };
    this.#tell();
  }

  #tell(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const nowMs = performance.now();
      this.#rate = this.#rate.filter(({ ms }) => nowMs - ms < 3_000);
      const lines = this.#rate.reduce((sum, one) => sum + one.lines, 0);
      const spanS = Math.max(1, (nowMs - (this.#rate[0]?.ms ?? nowMs)) / 1000);
      const isPaceKnown = nowMs - this.#openedAtMs > 2 * historyMs;
      this.#state = {
        ...this.#state,
        ratePerS: lines / spanS,
        isPaceKnown,
        version: this.#state.version + 1,
      };
      if (lines > 0 || !isPaceKnown) this.#again();
      for (const listener of this.#listeners) listener();
    }, tellEveryMs);
  }

  // The rate falls to zero when nothing comes.
  #again(): void {
    setTimeout(() => !this.#stop.signal.aborted && this.#timer === undefined && this.#tell(), 1_000);
  }
}
