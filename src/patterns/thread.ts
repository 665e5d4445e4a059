/** A thread that runs patterns, from the outside: it answers in time, or it is ended. */
import { readFileSync } from "node:fs";
import type { Task } from "../core/patterns/pattern-work.ts";
import { AnsweringThread } from "../threads/answering-thread.ts";
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
  readonly #thread: AnsweringThread<WorkerSetting | Task, Said>;
  readonly #limits: ThreadLimits;
  readonly #ready: Promise<boolean>;
  #kernelTask: string | undefined;

  constructor(limits: ThreadLimits) {
    const { sliceMs, compiledMax, megabytesMax } = limits;
    this.#limits = limits;
    this.#thread = new AnsweringThread(() =>
      backgroundWorker(new URL("./worker", import.meta.url), {
        name: "patterns",
        nice: 10,
        resourceLimits: { maxOldGenerationSizeMb: megabytesMax, maxYoungGenerationSizeMb: 16 },
      }),
    );
    this.#ready = this.#begin({ sliceMs, compiledMax });
  }

  async #begin(setting: WorkerSetting): Promise<boolean> {
    const said = await this.#thread.ask(setting);
    if (said === "ended") return false;
    if (said.kind === "ready") this.#kernelTask = said.kernelTask;
    return true;
  }

  /** True when it will not answer any more. */
  get isEnded(): boolean {
    return this.#thread.isEnded;
  }

  /**
   * The result for the beginning of the task. `ended`: the thread ended, because it was late or by itself.
   * `unstarted`: the thread never began, so nothing was done.
   */
  async run(task: Task): Promise<Answer | "ended" | "unstarted"> {
    const hasBegun = await this.#ready; // a busy machine may take long to start it
    if (!hasBegun) return "unstarted";
    const watch = this.#watch();
    const answer = (await this.#thread.ask(task, [task.bytes.buffer])) as Answer | "ended";
    watch.stop();
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
  end(): Promise<void> {
    return this.#thread.end();
  }
}
