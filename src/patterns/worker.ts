/** The thread that runs patterns for the others. It can be ended at any moment. */
import { readlinkSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { type Outcome, PatternWork, type Task } from "../core/patterns/pattern-work.ts";

/** The first message to the thread: how long one task may take, and how many patterns are kept compiled. */
export type WorkerSetting = { readonly sliceMs: number; readonly compiledMax: number };

/**
 * Messages of the thread. The first says that it has begun, and which task of the kernel it is, if known; all others
 * are results for the beginnings of tasks, with the time taken.
 */
export type Said = { readonly kind: "ready"; readonly kernelTask: string | undefined } | Answer;
export type Answer = Done & {
  /**
   * The time taken. The kernel counts a thread's time in ticks of a few milliseconds; what was missing is added to
   * the next answer.
   */
  readonly ms: number;
  /** Time of the previous task that was not included in its answer. */
  readonly lateMs: number;
};

type Done =
  | { readonly kind: "outcome"; readonly outcome: Outcome }
  | { readonly kind: "failed"; readonly reason: string };

const port = parentPort!;
port.once("message", ({ sliceMs, compiledMax }: WorkerSetting) => {
  const work = new PatternWork(compiledMax);
  let endedMs = usedMs();
  port.on("message", (task: Task) => {
    const startMs = usedMs();
    const done = outcomeOf(task, work, sliceMs);
    const endMs = usedMs();
    const said: Answer = { ...done, ms: endMs - startMs, lateMs: startMs - endedMs };
    endedMs = endMs;
    port.postMessage(said);
  });
  port.postMessage({ kind: "ready", kernelTask: kernelTask() } satisfies Said);
});

function outcomeOf(task: Task, work: PatternWork, sliceMs: number): Done {
  const endMs = performance.now() + sliceMs;
  try {
    return { kind: "outcome", outcome: work.do(task, () => performance.now() >= endMs) };
  } catch (cause) {
    work.forget();
    return { kind: "failed", reason: String(cause) };
  }
}

function kernelTask(): string | undefined {
  try {
    return readlinkSync("/proc/thread-self").split("/").at(-1);
  } catch {
    return undefined; // not on Linux
  }
}

/** Processor time if Node counts it by thread, so that an owner is not charged for the time of others. */
function usedMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage === undefined) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1_000;
}
