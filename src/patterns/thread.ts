/** One thread that runs patterns, seen from outside: it answers in time, or it is ended. */
import { Worker } from "node:worker_threads";
import type { Task } from "../core/pattern-work.ts";
import type { Answer, Said, WorkerSetting } from "./worker.ts";

export type ThreadLimits = WorkerSetting & {
  /** From a task to its answer. */
  readonly answerMsMax: number;
  /** Of its heap. */
  readonly megabytesMax: number;
};

/** The file as it is run: compiled, or as it stands. */
const script = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class PatternThread {
  readonly #worker: Worker;
  readonly #limits: ThreadLimits;
  readonly #ready: Promise<unknown>;
  #answered: ((answer: Answer | undefined) => void) | undefined;
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
        if (said.kind === "ready") resolve(undefined);
        else this.#answered?.(said);
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

  /** What came of the task's beginning; undefined when the thread is ended, as it did not answer in time, or by itself. */
  async run(task: Task): Promise<Answer | undefined> {
    const timer = setTimeout(() => void this.end(), this.#limits.answerMsMax);
    this.#worker.ref();
    const answer = await new Promise<Answer | undefined>((resolve) => {
      this.#answered = resolve;
      void this.#ready.then(() => {
        if (this.#isEnded) return resolve(undefined);
        timer.refresh(); // a machine that is busy may be long in starting it
        this.#worker.postMessage(task, [task.bytes.buffer]);
      });
    });
    clearTimeout(timer);
    this.#answered = undefined;
    this.#worker.unref();
    return answer;
  }

  /** Ends it, whatever it does. Idempotent. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#answered?.(undefined);
    await this.#worker.terminate();
  }
}
