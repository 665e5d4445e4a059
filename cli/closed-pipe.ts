/**
 * Notices that the reader of a pipe has gone, for example because `head` has seen enough of a quiet tail. Node only
 * learns this when it writes, that is, at the next line. GNU `tail -f` watches its standard output and dies of SIGPIPE
 * when the reader goes. So we start one on the same output, following a file that never grows. Without such a `tail`,
 * we notice at the next line.
 */
import { spawn } from "node:child_process";
import { fstatSync } from "node:fs";

/** How often the watcher checks whether this process still exists. */
const lookEveryS = 0.2;

/** Calls `onGone` when the last reader of the pipe `fd` has gone. Does nothing if `fd` is not a pipe. */
export function watchReader(fd: number, onGone: () => void): void {
  if (!fstatSync(fd).isFIFO()) return;
  const args = ["-n", "0", "-f", "-s", String(lookEveryS), `--pid=${process.pid}`, "/dev/null"];
  const tail = spawn("tail", args, { stdio: ["ignore", fd, "ignore"] });
  tail.on("error", () => {}); // there is no such program
  tail.on("exit", (_, signal) => {
    if (signal === "SIGPIPE") onGone();
  });
  tail.unref();
  process.on("exit", () => tail.kill());
}
