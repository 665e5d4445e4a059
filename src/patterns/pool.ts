/**
 * The threads that run patterns, shared fairly by the owners of jobs. A job is done in slices of some 20 ms. The
 * owner with the largest balance is next, and an owner without a balance waits. So an owner with expensive patterns
 * delays its own jobs, and those of others by one slice.
 */
import type { Logger } from "pino";
import type { Outcome, Task } from "../core/patterns/pattern-work.ts";
import { patternSeconds, patternThreadsEnded } from "../metrics.ts";
import { type BudgetLimits, Budgets } from "./budgets.ts";
import { PatternThread, type ThreadLimits } from "./thread.ts";

export type PoolLimits = BudgetLimits &
  ThreadLimits & {
    /** Threads are started when they are needed, and then kept. */
    readonly threadsMax: number;
  };

/** Work for the threads, slice by slice. */
export type Job = {
  /** The owner whose budget pays for the job. */
  readonly owner: string;
  /** The next piece of the job; a new one after each `take` and `giveUp`. */
  task(): Task;
  /** Takes the result for the beginning of the task. Returns true when nothing is left to do. */
  take(outcome: Outcome): boolean;
  /**
   * Called when the task could not be done, in time or at all: its lines stay undecided. Returns true when nothing is
   * left to do.
   */
  giveUp(): boolean;
};

export type PoolParts = {
  readonly limits: PoolLimits;
  readonly logger: Pick<Logger, "warn">;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
  /** Replaces real threads in tests. */
  readonly openThread?: (limits: ThreadLimits) => PatternRunner;
};

/** A thread, as seen by the pool. */
export type PatternRunner = Pick<PatternThread, "run" | "end" | "isEnded">;

/** When a thread could not be started, the next attempt is made after this. */
const restartMs = 1_000;

type Queued = { readonly job: Job; readonly done: () => void; isDropped: boolean };

export class PatternPool {
  readonly #parts: PoolParts;
  readonly #budgets: Budgets;
  /** Waiting jobs by owner, in order. */
  readonly #waiting = new Map<string, Queued[]>();
  readonly #idle: PatternRunner[] = [];
  readonly #threads = new Set<PatternRunner>();
  /** The owner of the last task of each thread. */
  readonly #lastOwner = new WeakMap<PatternRunner, string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#budgets = new Budgets(parts.limits, parts.nowMs ?? (() => performance.now()));
  }

  /** True while the owner's budget is used up, so that its jobs wait. */
  isSpent(owner: string): boolean {
    return this.#budgets.left(owner) <= 0;
  }

  /** Counts time that was spent on the owner's patterns outside of the pool. */
  spend(owner: string, ms: number): void {
    patternSeconds.inc(ms / 1_000);
    this.#budgets.spend(owner, ms);
  }

  /** Does the job in turns. `drop` removes it from the queue: `done` then resolves without further work. */
  run(job: Job): { readonly done: Promise<void>; drop(): void } {
    const { promise: done, resolve } = withResolver();
    const queued: Queued = { job, done: resolve, isDropped: false };
    const drop = () => {
      queued.isDropped = true;
      const { owner } = job;
      const left = this.#waiting.get(owner)?.filter((other) => other !== queued) ?? [];
      if (left.length === 0) this.#waiting.delete(owner);
      else this.#waiting.set(owner, left);
      queued.done();
    };
    this.#queue(queued);
    this.#pump();
    return { done, drop };
  }

  /** Idempotent. Ends the threads; waiting jobs are never done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waiting.clear();
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #queue(queued: Queued): void {
    const { owner } = queued.job;
    const before = this.#waiting.get(owner);
    if (before === undefined) this.#waiting.set(owner, [queued]);
    else before.push(queued);
  }

  #pump(): void {
    while (!this.#isClosed && this.#waiting.size > 0) {
      if (this.#idle.length === 0 && this.#threads.size >= this.#parts.limits.threadsMax) return;
      const next = this.#next();
      if (next === undefined) {
        this.#pumpLater();
        return;
      }
      const thread = this.#idle.pop() ?? this.#start();
      void this.#slice(thread, next);
    }
  }

  // The first job of the owner with the largest balance.
  #next(): Queued | undefined {
    let best: string | undefined;
    let most = 0;
    for (const owner of this.#waiting.keys()) {
      const left = this.#budgets.left(owner);
      if (left <= most) continue;
      most = left;
      best = owner;
    }
    if (best === undefined) return undefined;
    const jobs = this.#waiting.get(best)!;
    const next = jobs.shift();
    if (jobs.length === 0) this.#waiting.delete(best);
    return next;
  }

  #pumpLater(): void {
    clearTimeout(this.#timer);
    const waits = [...this.#waiting.keys()].map((owner) => this.#budgets.waitMs(owner));
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(Math.min(...waits)) + 1).unref();
  }

  #start(): PatternRunner {
    const { limits, openThread = (of) => new PatternThread(of) } = this.#parts;
    const thread = openThread(limits);
    this.#threads.add(thread);
    return thread;
  }

  async #slice(thread: PatternRunner, queued: Queued): Promise<void> {
    const { job } = queued;
    const before = this.#lastOwner.get(thread);
    this.#lastOwner.set(thread, job.owner);
    const answer = await thread.run(job.task());
    if (thread.isEnded) this.#threads.delete(thread);
    else this.#idle.push(thread);
    if (this.#isClosed) return;
    if (answer === "unstarted") return this.#beginLater(queued);
    if (answer === "ended") {
      patternThreadsEnded.inc();
      this.#parts.logger.warn(
        { owner: job.owner },
        "a thread that ran patterns did not answer; it was replaced",
      );
      this.spend(job.owner, this.#parts.limits.cpuMsMax);
    } else {
      this.spend(job.owner, answer.ms);
      if (before !== undefined) this.spend(before, answer.lateMs);
    }
    if (!queued.isDropped) {
      const isOutcome = answer !== "ended" && answer.kind === "outcome";
      const isDone = isOutcome ? job.take(answer.outcome) : job.giveUp();
      if (isDone) queued.done();
      else this.#queue(queued);
    }
    this.#pump();
  }

  // The machine has no memory for a thread at the moment: the job waits for one, and nothing is decided.
  #beginLater(queued: Queued): void {
    this.#parts.logger.warn("a thread for patterns could not be started; another one is tried in a second");
    if (!queued.isDropped) this.#queue(queued);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pump(), restartMs).unref();
  }
}

function withResolver() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
