/** A thread that runs patterns, from the outside: it answers in time, or it is ended. */
import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import type { Task } from "../core/patterns/pattern-work.ts";
import { backgroundWorker } from "../threads/background-worker.ts";
import type { Answer, Said, WorkerSetting } from "./worker.ts";

export type ThreadLimits = WorkerSetting & {
  /** Processor time per answer. */
  readonly cpuMsMax: number;
  /** Time from a task to its answer, for a machine that is busy with other things. */
  readonly answerMsMax: number;
  /** The size of its heap. */
  readonly megabytesMax: number;
};

export class PatternThread {
  /** Undefined where the system had no thread to spare. */
  readonly #worker: Worker | undefined;
  readonly #limits: ThreadLimits;
  readonly #ready: Promise<unknown>;
  #answered: ((answer: Answer | "ended") => void) | undefined;
  #isReady = false;
  #kernelTask: string | undefined;
  #isEnded = false;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
    const worker = begun(limits);
    this.#worker = worker;
    if (worker === undefined) {
      this.#isEnded = true;
      this.#ready = Promise.resolve();
      return;
    }
    worker.unref();
    const { sliceMs, compiledMax } = limits;
    worker.postMessage({ sliceMs, compiledMax } satisfies WorkerSetting);
    this.#ready = new Promise((resolve) => {
      worker.on("message", (said: Said) => {
        if (said.kind !== "ready") return this.#answered?.(said);
        this.#kernelTask = said.kernelTask;
        this.#isReady = true;
        resolve(undefined);
      });
      // It ran out of memory, or could not start.
      worker.on("error", () => this.end().then(resolve));
      worker.on("exit", () => this.end().then(resolve));
    });
  }

  /** True when it will not answer any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * The result for the beginning of the task. `ended`: the thread ended, because it was late or by itself.
   * `unstarted`: the thread never began, so nothing was done.
   */
  async run(task: Task): Promise<Answer | "ended" | "unstarted"> {
    this.#worker?.ref();
    const answered = new Promise<Answer | "ended">((resolve) => {
      this.#answered = resolve;
    });
    await this.#ready; // a busy machine may take long to start it
    if (this.#isEnded) return this.#isReady ? "ended" : "unstarted";
    this.#worker!.postMessage(task, [task.bytes.buffer]);
    const watch = this.#watch();
    const answer = await answered;
    watch.stop();
    this.#answered = undefined;
    if (!this.#isEnded) this.#worker!.unref(); // otherwise the process would wait for the thread when it ends
    return answer;
  }

  // Ends the thread if it takes too long. Processor time of others does not count.
  #watch(): { stop(): void } {
    const { cpuMsMax, answerMsMax } = this.#limits;
    const startMs = performance.now();
    const startedAtMs = this.#usedMs();
    let timer: NodeJS.Timeout;
    const look = () => {
      const passedMs = performance.now() - startMs;
      const usedMs = startedAtMs === undefined ? passedMs : (this.#usedMs() ?? passedMs) - startedAtMs;
      if (usedMs >= cpuMsMax || passedMs >= answerMsMax) void this.end();
      else timer = setTimeout(look, cpuMsMax - usedMs);
    };
    timer = setTimeout(look, cpuMsMax);
    return { stop: () => clearTimeout(timer) };
  }

  /** Processor time that the thread has used so far, if the kernel tells. */
  #usedMs(): number | undefined {
    if (this.#kernelTask === undefined) return undefined;
    try {
      const stat = readFileSync(`/proc/self/task/${this.#kernelTask}/schedstat`, "latin1");
      return Number(stat.split(" ")[0]) / 1e6;
    } catch {
      return undefined;
    }
  }

  /** Ends the thread, whatever it is doing. Idempotent. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#answered?.("ended");
    await this.#worker?.terminate();
  }
}

// The constructor throws where the system has no thread to spare.
function begun({ megabytesMax }: ThreadLimits): Worker | undefined {
  try {
    return backgroundWorker(new URL("./worker", import.meta.url), {
      name: "patterns",
      nice: 10,
      resourceLimits: { maxOldGenerationSizeMb: megabytesMax, maxYoungGenerationSizeMb: 16 },
    });
  } catch {
    return undefined;
  }
}
