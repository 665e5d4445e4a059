/**
 * One transaction at a time. Work that arrives while one is under way forms the next: an idle engine adds no delay,
 * and a busy one shares the sync among many. A piece of work does all its reads and writes in the one turn in which
 * its transaction is formed, while nothing else is under way: there are no locks and no conditions, and nothing else
 * has to be undone after a failure.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Database, Key, RootDatabase } from "lmdb";
import type { Logger } from "pino";
import type { AppError } from "../../errors/app-error.ts";
import { dataGone } from "../../errors/engines.ts";
import { storeFull, storeUnavailable } from "../../errors/store.ts";
import type { Clock } from "../../ports.ts";
import type { FolderGuard } from "../disk/folder-guard.ts";
import type { Use } from "../disk/free-space.ts";
import { Admission, bytesOf } from "./admission.ts";
import { isFull } from "./fullness.ts";

/** A part of a transaction. */
export interface Work {
  /** Intake is refused before upkeep. */
  readonly use: Use;
  /** Its share of the size of a transaction. */
  readonly bytes: number;
  /** Reads, decides and puts. Runs synchronously, and puts nothing if it throws. */
  write(): void;
  /** The transaction is on the disk. */
  stored(): void;
  /** Nothing of the transaction was stored. */
  failed(error: AppError): void;
}

/** Bounds of one transaction; a single larger piece of work is taken alone. */
const commitBytesMax = 16 * 1024 * 1024;
export const commitWorksMax = 4096;
/** Forming a transaction blocks the event loop; after this time the rest goes into the next one. */
const formMsMax = 2;
/** Bounds of waiting work. Callers have bounds of their own well below; beyond these, work is refused. */
const waitingBytesMax = 256 * 1024 * 1024;
/** The wait between attempts while the disk fails; work that comes meanwhile is answered together. */
const failingMs = 100;
/**
 * The number of failed writes that are tolerated in the life of a process, since lmdb 3.5.6 writes a few bytes beyond
 * its memory each time. After that the store is closed, with a message.
 */
const failuresMax = 20;

type CommitsOptions = {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly folder: string;
  readonly guard: FolderGuard;
  readonly logger: Logger | undefined;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Runs after each transaction was formed. */
  readonly formed: () => void;
};

/** The only way to write to the environment. */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #admission: Admission;
  #waiting: Work[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #failing = false;
  #failures = 0;
  #broken: AppError | undefined;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
  }

  /** Queues `work`; exactly one of its `stored` and `failed` is called, later. */
  submit(work: Work): void {
    const refused = this.#refusal(work);
    if (refused !== undefined) {
      queueMicrotask(() => work.failed(refused));
      return;
    }
    this.#waiting.push(work);
    this.#waitingBytes += work.bytes;
    this.#running ??= this.#run();
  }

  /** False when the data are no longer in their place; reading them could then end the process. */
  isThere(): boolean {
    return this.#options.guard.isThere();
  }

  /** Inside `write`: puts a record into the transaction. */
  put<Value, K extends Key>(db: Database<Value, K>, key: K, value: Value): void {
    db.put(key, value);
  }

  /** Inside `write`: removes a record; an absent one is fine. */
  remove<Value, K extends Key>(db: Database<Value, K>, key: K): void {
    db.remove(key);
  }

  /** Resolves when there is no work left. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Refuses new work and waits for the rest. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.idle();
  }

  #refusal(work: Work): AppError | undefined {
    if (this.#closed) return storeUnavailable(new Error("the store is closed"));
    if (this.#waitingBytes + work.bytes > waitingBytesMax && this.#waiting.length > 0) {
      return storeUnavailable(new Error("too much waits to be stored"));
    }
    return this.#broken;
  }

  async #run(): Promise<void> {
    // Waits a turn, so that everything that arrives together goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      if (this.#failing) await delay(failingMs);
      await this.#commit(this.#take());
    }
    this.#running = undefined;
  }

  #take(): Work[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < commitWorksMax) {
      bytes += this.#waiting[count]!.bytes;
      if (bytes > commitBytesMax && count > 0) break;
      count++;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    for (const work of taken) this.#waitingBytes -= work.bytes;
    return taken;
  }

  async #commit(works: readonly Work[]): Promise<void> {
    const broken = this.#broken;
    if (broken !== undefined) {
      for (const work of works) work.failed(broken);
      return;
    }
    const allowed = await this.#admission.sift(works);
    if (allowed.length === 0) return;
    const written: Work[] = [];
    // Within `batch`, a put has no promise of its own: there is one for all, whose rejection cannot be missed.
    const committed = this.#options.root.batch(() => this.#form(allowed, written));
    const error = await this.#outcome(committed, written);
    if (error === undefined) {
      if (this.#failing) this.#options.logger?.info("records can be written again");
      this.#failing = false;
      for (const work of written) work.stored();
    } else {
      for (const work of written) work.failed(error);
    }
  }

  #form(works: readonly Work[], written: Work[]): void {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + formMsMax;
    for (const [at, work] of works.entries()) {
      if (at > 0 && clock.monotonicMs() >= endMs) {
        this.#putBack(works.slice(at));
        break;
      }
      try {
        work.write();
        written.push(work);
      } catch (cause) {
        work.failed(this.#unavailable(cause));
      }
    }
    this.#options.formed();
  }

  #putBack(works: readonly Work[]): void {
    this.#waiting = [...works, ...this.#waiting];
    this.#waitingBytes += bytesOf(works);
  }

  /** Waits until a transaction is on the disk, or returns why it is not. */
  async #outcome(committed: Promise<boolean>, works: readonly Work[]): Promise<AppError | undefined> {
    let cause: unknown;
    const { guard, folder, logger } = this.#options;
    const bytes = bytesOf(works);
    try {
      await committed;
      guard.wrote(bytes);
      // If the file is gone, what was written into it is not reported as stored.
      return guard.isThere() ? undefined : dataGone();
    } catch (reason) {
      cause = await causeOf(reason);
    }
    this.#probe(cause);
    if (this.#broken !== undefined) return this.#broken;
    if (!(await isFull(folder, bytes))) return this.#unavailable(cause);
    this.#admission.spent(bytes);
    if (!this.#failing)
      logger?.error({ err: cause }, "the disk of --data takes no more, and had not said so");
    this.#failing = true;
    return storeFull(cause);
  }

  #unavailable(cause: unknown): AppError {
    if (!this.#failing) this.#options.logger?.error({ err: cause }, "records cannot be written");
    this.#failing = true;
    return storeUnavailable(cause);
  }

  /** LMDB takes no transaction after it failed to write its head page; lmdb would wait for ever for the next. */
  #probe(cause: unknown): void {
    const root = this.#options.root;
    try {
      if (++this.#failures > failuresMax) throw cause;
      root.resetReadTxn();
      root.get(Buffer.from("anything"));
    } catch (err) {
      this.#broken = storeUnavailable(err);
      this.#options.logger?.fatal({ err }, "the store is closed after a failure of its disk: restart");
    }
  }
}

/** lmdb rejects with a general error, whose `commitError` is a promise of the real one. */
async function causeOf(reason: unknown): Promise<unknown> {
  const commitError = (reason as { commitError?: Promise<never> }).commitError;
  return commitError === undefined ? reason : commitError.catch((error: unknown) => error);
}
