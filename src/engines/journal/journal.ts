/**
 * One commit at a time for all channels: one write, one sync. Work that arrives while one is under way forms the
 * next, so an idle journal adds no delay and a busy one shares the sync among many. A piece of work decides
 * everything in the one turn in which its commit is formed, with nothing else under way.
 */
import type { Logger } from "pino";
import type { ChannelId } from "../../core/ids.ts";
import { AppError } from "../../errors/app-error.ts";
import { dataGone } from "../../errors/engines.ts";
import { storeFull, storeUnavailable } from "../../errors/store.ts";
import type { Clock } from "../../ports.ts";
import type { Use } from "../disk/free-space.ts";
import { CommitPace } from "./commit-pace.ts";
import type { Disk } from "./disk.ts";
import type { Times } from "./entry.ts";
import { fairShare, littleShare, type Share } from "./fair-share.ts";
import { RecordBuilder } from "./record-builder.ts";
import { Segment } from "./segment.ts";
import { writeBytesMax } from "./write-slot.ts";

/** Decides what may be written to the folder: `FolderGuard`. */
export type Guard = {
  /** The reason why `bytes` may not be written now; undefined if they may. */
  refuses(bytes: number, use: Use): AppError | undefined;
  wrote(bytes: number): void;
  /** `true`: a write failed for lack of space; `false`: writes succeed again. */
  spent(isSpent: boolean): void;
};

/** A part of a commit. */
export interface Work {
  /** Intake is refused before upkeep. */
  readonly use: Use;
  /** Its share of the size of a commit. */
  readonly bytes: number;
  /** The channel: its work may go before that of others. Absent: it keeps its order among all work. */
  readonly channel?: ChannelId;
  /** Decides, and adds its entries. Runs synchronously, and adds nothing if it throws. */
  form(record: RecordBuilder): void;
  /** The commit is on the disk, in `segment`. */
  stored(segment: Segment): void;
  /** Nothing of the commit was stored. */
  failed(error: AppError): void;
}

/**
 * Bounds of one commit, since everybody in it waits for all of it to be synced. A single piece of work may be larger.
 */
const commitBytesMax = 512 * 1024;
const commitWorksMax = 8192;
/** With the headers of its entries, such a commit is hardly ever too large to be waited for. */
const littleBounds = { bytesMax: writeBytesMax / 2, worksMax: 256 };
/** The wait between attempts while the disk fails; work that comes meanwhile is answered together. */
const failingMs = 100;
/** A failure that comes back is told so often. */
const toldMsMin = 10_000;

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

type JournalOptions = {
  readonly disk: Disk;
  /** Ascending; the last one is being written. Empty in a new folder. */
  readonly segments: readonly Segment[];
  readonly segmentBytesMax: number;
  readonly clock: Pick<Clock, "sleep">;
  /** The times to record with each commit. */
  readonly times: () => Times;
  readonly logger: Logger | undefined;
  readonly guard: Guard | undefined;
  /** Called when the works of a commit have been told that they are stored, or not. */
  readonly formed: () => void;
  /** Called when a segment is full and nothing will be added to it. */
  readonly sealed: (segment: Segment) => void;
};

export class Journal {
  readonly #options: JournalOptions;
  readonly #record = new RecordBuilder();
  readonly segments: Segment[];
  readonly #pace = new CommitPace();
  readonly #count = () => this.#waiting.length;
  #commit: number;
  #waiting: Work[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #isFailing = false;
  /** True when the log names a failure that has not ended. */
  #isTold = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** True when the last commit was of small works alone, while large ones waited. */
  #isExpress = false;
  /** True while bytes of a failed commit have yet to be cut off. */
  #isDirty = false;
  #isClosed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.segments = [...options.segments];
    this.#commit = Math.max(0, ...this.segments.map(({ commit }) => commit));
  }

  /** The segment that is being written; undefined before the first commit. */
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

  /** The number of a segment that was removed, renamed, replaced or truncated by somebody else. */
  missing(): number | undefined {
    return this.segments.find((segment) => !segment.isInPlace())?.number;
  }

  /** Creates the first segment if there is none. */
  async begin(): Promise<void> {
    await this.idle();
    if (this.active === undefined) await this.#begin();
  }

  /** Begins a new segment with the next commit, unless the current one is empty. */
  async rotate(): Promise<void> {
    await this.idle();
    const { active } = this;
    if (active === undefined || active.commit === 0) return;
    await this.#clean(active);
    await this.#begin();
  }

  /** Resolves when there is no work left. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Refuses new work and waits for the rest. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.idle();
    // If the disk still fails, the commit that was refused last stays in the file; the next start finds it whole and
    // accepts it.
    if (this.#isDirty) await this.active?.cutOff().catch(() => {});
  }

  /** The segment was removed. */
  forget(segment: Segment): void {
    this.segments.splice(this.segments.indexOf(segment), 1);
  }

  #refusal(): AppError | undefined {
    return this.#isClosed ? storeUnavailable(new Error("the log is closed")) : undefined;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#pace.gather(this.#waitingBytes < commitBytesMax / 2 ? this.#count : undefined);
      if (this.#isFailing) await this.#pause();
      await this.#store(this.#take());
      this.#pace.ended();
    }
    this.#running = undefined;
  }

  // Somebody is waiting for an answer, so this wait keeps the process alive.
  async #pause(): Promise<void> {
    const kept = setInterval(() => {}, failingMs);
    await this.#options.clock.sleep(failingMs);
    clearInterval(kept);
  }

  // Small works do not wait for large ones to be written, which takes several times as long. Every other commit is for
  // all.
  #take(): readonly Work[] {
    const waiting = this.#waiting;
    const mayBeLittle = !this.#isExpress && this.#waitingBytes > writeBytesMax;
    const little = mayBeLittle ? littleShare(waiting, littleBounds) : undefined;
    this.#isExpress = little !== undefined;
    if (little !== undefined) return this.#split(little);
    if (this.#waitingBytes <= commitBytesMax && waiting.length <= commitWorksMax) {
      this.#waiting = [];
      this.#waitingBytes = 0;
      return waiting;
    }
    return this.#split(fairShare(waiting, { bytesMax: commitBytesMax, worksMax: commitWorksMax }));
  }

  #split({ taken, left }: Share): readonly Work[] {
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

  /** The works that may be written; the others are told why not. */
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

  /** The segment to write to, without remains of a failed commit. */
  async #ready(works: readonly Work[]): Promise<Segment> {
    const { active } = this;
    if (active === undefined) return this.#begin();
    // A file that was truncated must not be extended again.
    if (!active.isInPlace()) throw dataGone();
    await this.#clean(active);
    const bytes = bytesOf(works);
    return active.commit > 0 && active.end + bytes > this.#options.segmentBytesMax ? this.#begin() : active;
  }

  async #clean(active: Segment): Promise<void> {
    if (!this.#isDirty) return;
    await active.cutOff();
    this.#isDirty = false;
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
    // If the file is gone, what was written into it is not reported as stored.
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
    if (this.#isTold) this.#options.logger?.info("the log can be written again");
    this.#options.guard?.spent(false);
    this.#isFailing = this.#isTold = false;
  }

  #failure(cause: unknown): AppError {
    if (cause instanceof AppError) return cause;
    const isFull = fullCodes.has((cause as NodeJS.ErrnoException).code ?? "");
    // It ends and comes back many times a second where small commits find room and larger ones do not.
    if (!this.#isFailing && performance.now() - this.#toldAtMs > toldMsMin) {
      this.#isTold = true;
      this.#toldAtMs = performance.now();
      const what = isFull ? "the disk of the log is full" : "the log cannot be written";
      this.#options.logger?.error({ err: cause }, what);
    }
    if (isFull) this.#options.guard?.spent(true);
    this.#isFailing = true;
    return isFull ? storeFull(cause) : storeUnavailable(cause);
  }
}

const bytesOf = (works: readonly Work[]): number => works.reduce((sum, work) => sum + work.bytes, 0);

/** Submits the work that `make` returns; resolves when it is stored. */
export const submitted = (
  journal: Pick<Journal, "submit">,
  make: (done: (error?: AppError) => void) => Work,
): Promise<void> =>
  new Promise((resolve, reject) => {
    journal.submit(make((error) => (error === undefined ? resolve() : reject(error))));
  });
