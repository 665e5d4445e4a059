/** A thread that runs patterns for the others. It may be ended at any moment. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { type Outcome, PatternWork, type Task } from "../core/patterns/pattern-work.ts";

/** The first message to it: how long it may go on with one task, and how many patterns it keeps compiled. */
export type WorkerSetting = { readonly sliceMs: number; readonly compiledMax: number };

/**
 * Its messages: first that it began, and as which task of the kernel where that is known; then the result of each
 * task's beginning, and the time that it took.
 */
export type Said = { readonly kind: "ready"; readonly kernelTask: string | undefined } | Answer;
export type Answer = Done & {
  /**
   * The time that it took. The kernel counts a thread's time in ticks of a few milliseconds: what was missing is told
   * with the next.
   */
  readonly ms: number;
  /** The time of the task before this one, besides what was told then. */
  readonly lateMs: number;
};

type Done =
  | { readonly kind: "outcome"; readonly outcome: Outcome }
  | { readonly kind: "failed"; readonly reason: string };

/** Gives this thread a lower priority than those that take orders. Only Linux has priorities by thread. */
if (process.platform === "linux") setPriority(0, 10);

const port = parentPort!;
port.once("message", ({ sliceMs, compiledMax }: WorkerSetting) => {
  const work = new PatternWork(compiledMax);
  let toldMs = usedMs();
  port.on("message", (task: Task) => {
    const startMs = usedMs();
    const done = outcomeOf(task, work, sliceMs);
    const endMs = usedMs();
    const said: Answer = { ...done, ms: endMs - startMs, lateMs: startMs - toldMs };
    toldMs = endMs;
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

/** Processor time where Node counts it by thread: time of others is not the owner's. */
function usedMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage === undefined) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1_000;
}
