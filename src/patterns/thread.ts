/** One thread that runs patterns, seen from outside: it answers in time, or it is ended. */
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { Task } from "../core/patterns/pattern-work.ts";
import type { Answer, Said, WorkerSetting } from "./worker.ts";

export type ThreadLimits = WorkerSetting & {
  /** Processor time for one answer. */
  readonly cpuMsMax: number;
  /** Time from a task to its answer, on a machine that is busy with other things. */
  readonly answerMsMax: number;
  /** The size of its heap. */
  readonly megabytesMax: number;
};

/** The file as it is run: compiled, or as it stands. */
const script = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class PatternThread {
  readonly #worker: Worker;
  readonly #limits: ThreadLimits;
  readonly #ready: Promise<unknown>;
  #answered: ((answer: Answer | "ended") => void) | undefined;
  #isReady = false;
  #kernelTask: string | undefined;
  #isEnded = false;

  constructor(limits: ThreadLimits) {
    this.#limits = limits;
    this.#worker = new Worker(script, {
      name: "patterns",
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: limits.megabytesMax, maxYoungGenerationSizeMb: 16 },
    });
    this.#worker.unref();
    const { sliceMs, compiledMax } = limits;
    this.#worker.postMessage({ sliceMs, compiledMax } satisfies WorkerSetting);
    this.#ready = new Promise((resolve) => {
      this.#worker.on("message", (said: Said) => {
        if (said.kind !== "ready") return this.#answered?.(said);
        this.#kernelTask = said.kernelTask;
        this.#isReady = true;
        resolve(undefined);
      });
      // Out of memory, or it could not start.
      this.#worker.on("error", () => this.end().then(resolve));
      this.#worker.on("exit", () => this.end().then(resolve));
    });
  }

  /** It will answer nothing more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * The result of the task's beginning. `ended`: the thread has, late with its answer or by itself. `unstarted`: it never
   * began, so that nothing was done.
   */
  async run(task: Task): Promise<Answer | "ended" | "unstarted"> {
    this.#worker.ref();
    const answered = new Promise<Answer | "ended">((resolve) => {
      this.#answered = resolve;
    });
    await this.#ready; // a machine that is busy may be long in starting it
    if (this.#isEnded) return this.#isReady ? "ended" : "unstarted";
    this.#worker.postMessage(task, [task.bytes.buffer]);
    const watch = this.#watch();
    const answer = await answered;
    watch.stop();
    this.#answered = undefined;
    if (!this.#isEnded) this.#worker.unref(); // a process that ends waits for the thread's end
    return answer;
  }

  // Ends the thread when it takes too long. Processor time of others does not count.
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

  /** Processor time that the thread has used so far, where the kernel tells. */
  #usedMs(): number | undefined {
    if (this.#kernelTask === undefined) return undefined;
    try {
      const stat = readFileSync(`/proc/self/task/${this.#kernelTask}/schedstat`, "latin1");
      return Number(stat.split(" ")[0]) / 1e6;
    } catch {
      return undefined;
    }
  }

  /** Ends it, whatever it does. Idempotent. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#answered?.("ended");
    await this.#worker.terminate();
  }
}
