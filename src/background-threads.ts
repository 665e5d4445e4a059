/**
 * V8 compiles and collects in threads beside the event loop. With few processors they take it from the event loop, and from the
 * threads that sync the log: so they give way. Where threads have no names (Node before 24, or not Linux) nothing is changed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

/** Nine of ten parts of a processor go to others that want it. */
const niceness = 10;
const tasks = "/proc/self/task";

/** The threads of this process that V8 works in. */
export function backgroundThreads(): readonly number[] {
  try {
    return readdirSync(tasks)
      .filter((id) => readFileSync(`${tasks}/${id}/comm`, "latin1").startsWith("V8Worker"))
      .map(Number);
  } catch {
    return [];
  }
}

/** Makes them give way to all other threads. */
export function calmBackgroundThreads(): void {
  for (const id of backgroundThreads()) {
    try {
      setPriority(id, niceness);
    } catch {
      // It has gone, or the system does not let us.
    }
  }
}
