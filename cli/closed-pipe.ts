/**
 * Notices that nobody reads a pipe any more while nothing is written to it, as when `head` has seen enough of a quiet
 * tail. Node learns that from a write alone, at the next line. GNU `tail -f` watches its standard output, and ends by
 * SIGPIPE when its reader has gone: so one is given the same output, and follows a file in which nothing ever comes.
 * Without such a `tail`, the next line tells.
 */
import { spawn } from "node:child_process";
import { fstatSync } from "node:fs";

/** The watcher looks this often whether this process is still there. */
const lookEveryS = 0.2;

/** Calls `onGone` when the last reader of the pipe `fd` has gone. Other things than pipes are left alone. */
export function watchReader(fd: number, onGone: () => void): void {
  if (!fstatSync(fd).isFIFO()) return;
  const args = ["-n", "0", "-f", "-s", String(lookEveryS), `--pid=${process.pid}`, "/dev/null"];
  const tail = spawn("tail", args, { stdio: ["ignore", fd, "ignore"] });
  tail.on("error", () => {}); // there is none
  tail.on("exit", (_, signal) => {
    if (signal === "SIGPIPE") onGone();
  });
  tail.unref();
  process.on("exit", () => tail.kill());
}
