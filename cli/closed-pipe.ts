/**
 * Notices that the reader of standard output has gone, for example because `head` has seen enough of a quiet tail. Node
 * only learns this when it writes, that is, at the next line, which never comes when the server has gone, too.
 *
 * A pipe: GNU `tail -f` watches its standard output and dies of SIGPIPE when the reader goes. So we start one on the same
 * output, following a file that never grows. Without such a `tail`, we notice at the next line.
 *
 * A socket, as ssh, socat and Node give to their children: the system answers a write of no bytes, too. A reader that has
 * only closed its sending side goes on reading; over TCP one that has closed both looks the same until the next line.
 */
import { spawn } from "node:child_process";
import { fstatSync, writeSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** How often to look at a socket, and how often the watcher of a pipe checks whether this process still exists. */
const lookEveryMs = 200;

/** Calls `onGone` when the last reader of the pipe or socket `fd` has gone. Does nothing if `fd` is neither. */
export function watchReader(fd: number, onGone: () => void): void {
  const stats = fstatSync(fd);
  if (stats.isFIFO()) watchPipe(fd, onGone);
  if (stats.isSocket()) watchSocket(fd, onGone);
}

/** True if a write failed because nobody reads any more. */
export const isReaderGone = (error: unknown): boolean =>
  ["EPIPE", "ECONNRESET"].includes(codeOf(error) ?? "");

function watchPipe(fd: number, onGone: () => void): void {
  const args = ["-n", "0", "-f", "-s", String(lookEveryMs / 1000), `--pid=${process.pid}`, "/dev/null"];
  const tail = spawn("tail", args, { stdio: ["ignore", fd, "ignore"] });
  tail.on("error", () => {}); // there is no such program
  tail.on("exit", (_, signal) => {
    if (signal === "SIGPIPE") onGone();
  });
  tail.unref();
  process.on("exit", () => tail.kill());
}

function watchSocket(fd: number, onGone: () => void): void {
  const look = () => {
    try {
      writeSync(fd, noBytes);
    } catch (error) {
      if (!isReaderGone(error)) return; // the next line tells
      clearInterval(looking);
      onGone();
    }
  };
  const looking = setInterval(look, lookEveryMs).unref();
}

const noBytes = Buffer.alloc(0);
