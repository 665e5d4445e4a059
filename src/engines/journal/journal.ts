/**
 * One commit at a time for all channels: one write, one sync. What arrives while one is under way forms the next, so an
 * idle journal adds no delay and a busy one shares the sync among many. Everything that a piece of work decides happens
 * in the one turn in which its commit is formed, with nothing else under way.
 */
import type { Logger } from "pino";
import type { ChannelId } from "../../core/ids.ts";
import { AppError } from "../../errors/app-error.ts";
import { dataGone } from "../../errors/engines.ts";
import { storeFull, storeUnavailable } from "../../errors/store.ts";
import type { Clock } from "../../ports.ts";
import type { Use } from "../disk/free-space.ts";
import type { Disk } from "./disk.ts";
import type { Times } from "./entry.ts";
import { fairShare } from "./fair-share.ts";
import { RecordBuilder } from "./record-builder.ts";
import { Segment } from "./segment.ts";

/** The folder's word on what may be written: `FolderGuard`. */
export type Guard = {
  /** Why `bytes` may not be written now; undefined: they may. */
  refuses(bytes: number, use: Use): AppError | undefined;
  wrote(bytes: number): void;
  /** A write failed for want of room, or went through again. */
  spent(isSpent: boolean): void;
};

/** A part of a commit. */
export interface Work {
  /** Lines that come in are refused before what has to go on. */
  readonly use: Use;
  /** Counts against the size of a commit. */
  readonly bytes: number;
  /** Its channel: it may go before work of others. Absent: it goes in its order among all. */
  readonly channel?: ChannelId;
  /** Decides and adds its entries. Runs at once, waits for nothing, and adds nothing when it throws. */
  form(record: RecordBuilder): void;
  /** The commit is on the disk, in `segment`. */
  stored(segment: Segment): void;
  /** Nothing of the commit is stored. */
  failed(error: AppError): void;
}

/** Bounds of one commit, beside which one piece of work goes whatever its size. Everybody waits for the sync of all of it. */
const commitBytesMax = 512 * 1024;
const commitWorksMax = 8192;
/** More work is waited for no longer: that is what it may cost in latency while many lines come. */
const gatherMsMax = 1;
/** Between attempts while the disk fails: what came meanwhile gets its answer together. */
const failingMs = 100;

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

type JournalOptions = {
  readonly disk: Disk;
  /** Ascending; the last one is written on. Empty in a new folder. */
  readonly segments: readonly Segment[];
  readonly segmentBytesMax: number;
  readonly clock: Pick<Clock, "sleep">;
  /** Written down with each commit. */
  readonly times: () => Times;
  readonly logger: Logger | undefined;
  readonly guard: Guard | undefined;
  /** The works of a commit have had their turn: stored, or not. */
  readonly formed: () => void;
  /** A segment is full; nothing is added to it any more. */
  readonly sealed: (segment: Segment) => void;
};

export class Journal {
  readonly #options: JournalOptions;
  readonly #record = new RecordBuilder();
  readonly segments: Segment[];
  #commit: number;
  #waiting: Work[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #isFailing = false;
  /** The bytes of a failed commit are still to be taken off. */
  #isDirty = false;
  #isClosed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.segments = [...options.segments];
    this.#commit = Math.max(0, ...this.segments.map(({ commit }) => commit));
  }

  /** The segment that is written; undefined before the first commit. */
  get active(): Segment | undefined {
    return this.segments.at(-1);
  }

  /** Queues `work`; exactly one of its `stored` and `failed` is called, later. */
  submit(work: Work): void {
    const refused = this.#refusal();
    if (refused !== undefined) {
      queueMicrotask(() => work.failed(refused));
      return;
    }
    this.#waiting.push(work);
    this.#waitingBytes += work.bytes;
    this.#running ??= this.#run();
  }

  /** The number of a segment that was removed, renamed, replaced or cut under this process. */
  missing(): number | undefined {
    return this.segments.find((segment) => !segment.isInPlace())?.number;
  }

  /** Makes the first segment, where there is none. */
  async begin(): Promise<void> {
    await this.idle();
    if (this.active === undefined) await this.#begin();
  }

  /** Begins a new segment with the next commit, if the one that is written holds anything. */
  async rotate(): Promise<void> {
    await this.idle();
    const { active } = this;
    if (active === undefined || active.commit === 0) return;
    await this.#begin();
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Takes no more work, waits for what was taken. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.idle();
    // A disk that still fails keeps what was refused last: the next start finds it whole and takes it.
    if (this.#isDirty) await this.active?.cutOff().catch(() => {});
  }

  /** A segment is gone. */
  forget(segment: Segment): void {
    this.segments.splice(this.segments.indexOf(segment), 1);
  }

  #refusal(): AppError | undefined {
    return this.#isClosed ? storeUnavailable(new Error("the log is closed")) : undefined;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#waitingBytes < commitBytesMax / 2) await this.#gather();
      if (this.#isFailing) await this.#pause();
      await this.#store(this.#take());
    }
    this.#running = undefined;
  }

  // A commit waits for as long as each turn of the event loop brings more work, up to a bound: microseconds where lines come
  // alone, and of ten senders that each wait for their answer, all ten where there would be two commits of five. A commit that
  // is half full already waits for nobody: a turn is long when so much is brought in it.
  async #gather(): Promise<void> {
    const endMs = performance.now() + gatherMsMax;
    for (let before = -1; this.#waiting.length > before && performance.now() < endMs; ) {
      before = this.#waiting.length;
      await nextTurn();
    }
  }

  // Somebody waits for an answer: unlike other waits this one keeps the process.
  async #pause(): Promise<void> {
    const kept = setInterval(() => {}, failingMs);
    await this.#options.clock.sleep(failingMs);
    clearInterval(kept);
  }

  #take(): readonly Work[] {
    const waiting = this.#waiting;
    if (this.#waitingBytes <= commitBytesMax && waiting.length <= commitWorksMax) {
      this.#waiting = [];
      this.#waitingBytes = 0;
      return waiting;
    }
    const { taken, left } = fairShare(waiting, { bytesMax: commitBytesMax, worksMax: commitWorksMax });
    for (const work of taken) this.#waitingBytes -= work.bytes;
    this.#waiting = left;
    return taken;
  }

  async #store(taken: readonly Work[]): Promise<void> {
    const works = this.#admit(taken);
    let formed: readonly Work[] = [];
    try {
      if (works.length === 0) return;
      const segment = await this.#ready(works);
      formed = this.#form(works, segment);
      if (this.#record.entries > 0) await this.#write(segment);
      this.#works();
      for (const work of formed) work.stored(segment);
    } catch (cause) {
      const error = this.#failure(cause);
      for (const work of formed.length > 0 ? formed : works) work.failed(error);
    } finally {
      this.#options.formed();
    }
  }

  /** Those of `works` that may be written; the others are told why not. */
  #admit(works: readonly Work[]): readonly Work[] {
    const { guard } = this.#options;
    let admitted = works;
    for (const use of ["intake", "upkeep"] as const) {
      const refused = guard?.refuses(bytesOf(admitted), use);
      if (refused === undefined) return admitted;
      for (const work of admitted) if (work.use === use) work.failed(refused);
      admitted = admitted.filter((work) => work.use !== use);
      if (admitted.length === 0) break;
    }
    return admitted;
  }

  /** The segment to write to, in which nothing is left of a commit that failed. */
  async #ready(works: readonly Work[]): Promise<Segment> {
    const { active } = this;
    if (active === undefined) return this.#begin();
    // A file that was cut must not be made longer again.
    if (!active.isInPlace()) throw dataGone();
    if (this.#isDirty) {
      await active.cutOff();
      this.#isDirty = false;
    }
    const bytes = bytesOf(works);
    return active.commit > 0 && active.end + bytes > this.#options.segmentBytesMax ? this.#begin() : active;
  }

  async #begin(): Promise<Segment> {
    const full = this.active;
    const segment = await Segment.create((full?.number ?? 0) + 1, this.#options.disk);
    this.segments.push(segment);
    if (full !== undefined) this.#options.sealed(full);
    return segment;
  }

  #form(works: readonly Work[], segment: Segment): Work[] {
    this.#record.begin(segment.end);
    const formed: Work[] = [];
    for (const work of works) {
      try {
        work.form(this.#record);
        formed.push(work);
      } catch (cause) {
        work.failed(this.#failure(cause));
      }
    }
    return formed;
  }

  async #write(segment: Segment): Promise<void> {
    const times = this.#options.times();
    const { parts, bytes } = this.#record.end(segment.number, { commit: this.#commit + 1, ...times });
    this.#isDirty = true;
    await segment.append(parts, bytes);
    // A batch that was written into a file that is no longer there is told to nobody as stored.
    if (!segment.isInPlace()) {
      segment.takeBack(bytes);
      throw dataGone();
    }
    this.#isDirty = false;
    this.#options.guard?.wrote(bytes);
    segment.times = times;
    segment.commit = ++this.#commit;
  }

  #works(): void {
    if (!this.#isFailing) return;
    this.#options.logger?.info("the log can be written again");
    this.#options.guard?.spent(false);
    this.#isFailing = false;
  }

  #failure(cause: unknown): AppError {
    if (cause instanceof AppError) return cause;
    const isFull = fullCodes.has((cause as NodeJS.ErrnoException).code ?? "");
    if (!this.#isFailing) {
      const what = isFull ? "the disk of the log is full" : "the log cannot be written";
      this.#options.logger?.error({ err: cause }, what);
    }
    if (isFull) this.#options.guard?.spent(true);
    this.#isFailing = true;
    return isFull ? storeFull(cause) : storeUnavailable(cause);
  }
}

/** Resolves in the next turn of the event loop, when all that had arrived was read. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const bytesOf = (works: readonly Work[]): number => works.reduce((sum, work) => sum + work.bytes, 0);

/** Submits the work that `make` gives; resolves when it is stored. */
export const submitted = (
  journal: Pick<Journal, "submit">,
  make: (done: (error?: AppError) => void) => Work,
): Promise<void> =>
  new Promise((resolve, reject) => {
    journal.submit(make((error) => (error === undefined ? resolve() : reject(error))));
  });
