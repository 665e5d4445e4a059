/**
 * The link between this machine's dynos and the server. It reports dynos when they change and at intervals, and learns
 * what is wanted by long polling. When the server is away, the dynos carry on.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type RetryPolicy, retryDelayMs } from "../../src/core/scheduling/retry.ts";
import type { Api } from "../api/api.ts";
import { CliError } from "../errors.ts";
import type { UpClock } from "./clock.ts";
import { heartbeatMs } from "./limits.ts";
import { fittedReport } from "./report.ts";
import type { DynoReport, Wanted } from "./wanted.ts";

type RunnerLinkOptions = {
  readonly api: Pick<Api, "runner" | "report" | "leave" | "wanted">;
  readonly app: string;
  readonly dynos: () => readonly DynoReport[];
  readonly onWanted: (wanted: Wanted) => void;
  /** Nothing more will come: the app or the key is gone, or another runner has taken over. */
  readonly onEnd: (error: CliError) => void;
  /** The server could not be reached, for the first time since it could. */
  readonly onAway: (error: CliError) => void;
  /** The server refuses what this runner reports, for the first time since it took a report. */
  readonly onRefused: (error: CliError) => void;
  readonly clock: UpClock;
};

const retry: RetryPolicy = {
  delayMsMin: 200,
  delayMsMax: 10_000,
  factor: 2,
  jitter: 0.2,
  attemptsMax: Number.POSITIVE_INFINITY,
};
/** Changes within this time are reported together. */
const gatherMs = 100;

/** The key or the app is gone, or another runner has taken over. */
const endingStatuses: ReadonlySet<number | undefined> = new Set([401, 403, 404, 409]);
/** An answer that the same report gets again. */
const isWrong = (error: unknown): error is CliError =>
  error instanceof CliError && error.status !== undefined && !error.passing;

export class RunnerLink {
  readonly #options: RunnerLinkOptions;
  readonly #id = randomUUID();
  readonly #stop = new AbortController();
  #changed = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: RunnerLinkOptions) {
    this.#options = options;
  }

  /** Becomes the app's runner. Throws if there is another one; one that died on this machine is replaced. */
  async register(): Promise<void> {
    const { api, app } = this.#options;
    const [other] = await api.runner(app);
    const isDead = other !== undefined && other.host === hostname() && !isAlive(other.pid);
    await api.report(app, { ...this.#report(), ...(isDead && { replaces: other.id }) });
  }

  /** Follows from now on. */
  start(wanted: Wanted): void {
    this.#work = Promise.all([this.#follow(wanted), this.#keepReporting()]);
  }

  /** The dynos have changed since the last report. */
  changed(): void {
    this.#changed.abort();
  }

  /** Reports that no dyno is left here. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    await this.#options.api.leave(this.#options.app, this.#id).catch(() => {}); // if this fails, its silence says so
  }

  #report() {
    return { id: this.#id, host: hostname(), pid: process.pid, dynos: fittedReport(this.#options.dynos()) };
  }

  async #follow(first: Wanted): Promise<void> {
    const { api, app, onWanted, onAway } = this.#options;
    let { revision } = first;
    for (let attempt = 0; !this.#isStopped; ) {
      try {
        const wanted = await settledBefore(api.wanted(app, revision), this.#stop.signal);
        attempt = 0;
        if (wanted === undefined || wanted.revision === revision) continue;
        ({ revision } = wanted);
        onWanted(wanted);
      } catch (error) {
        if (this.#endsWith(error)) return;
        if (attempt === 0) onAway(error as CliError);
        await this.#options.clock.sleep(retryDelayMs(retry, attempt++, Math.random())!, this.#stop.signal);
      }
    }
  }

  async #keepReporting(): Promise<void> {
    const { api, app, clock, onRefused } = this.#options;
    let isRefused = false;
    while (!this.#isStopped) {
      await clock.sleep(heartbeatMs, AbortSignal.any([this.#stop.signal, this.#changed.signal]));
      await clock.sleep(gatherMs, this.#stop.signal);
      if (this.#isStopped) return;
      this.#changed = new AbortController();
      try {
        await api.report(app, this.#report());
        isRefused = false;
      } catch (error) {
        if (this.#endsWith(error)) return; // otherwise the next report says it
        if (!isRefused && isWrong(error)) onRefused(error);
        isRefused = isWrong(error);
      }
    }
  }

  /**
   * True if no later call can succeed either. Any other refusal is of one call, or of a proxy: the dynos do not end for
   * it.
   */
  #endsWith(error: unknown): boolean {
    if (!(error instanceof CliError)) throw error;
    if (!endingStatuses.has(error.status)) return false;
    if (!this.#isStopped) this.#options.onEnd(error);
    this.#stop.abort();
    return true;
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }
}

/** The value, or undefined if the signal is aborted first. */
function settledBefore<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  promise.catch(() => {}); // reported below, unless nobody waits any more
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
