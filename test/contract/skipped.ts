/** Tests of a contract that an engine does not run, by name, each with its reason. */
import { beforeEach, expect, type RunnerTask, test } from "vitest";

/** Skips these tests in the calling file, and fails if one of the names no longer belongs to a test. */
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
