/** Tests of a contract that an engine does not run, by name, each with its reason. */
import { beforeEach, expect, type RunnerTask, test } from "vitest";

/** Skips them in the file that calls this, and fails there when one of the names is no test's any more. */
export function skipped(names: Readonly<Record<string, string>>): void {
  const reasons = new Map(Object.entries(names));
  beforeEach(({ task, skip }) => {
    const reason = reasons.get(task.name);
    if (reason !== undefined) skip(reason);
  });
  test("what is skipped by name is there", ({ task }) => {
    const all = namesIn(task.file.tasks);
    expect([...reasons.keys()].filter((name) => !all.includes(name))).toEqual([]);
  });
}

const namesIn = (tasks: readonly RunnerTask[]): string[] =>
  tasks.flatMap((task) => ("tasks" in task ? namesIn(task.tasks) : [task.name]));
