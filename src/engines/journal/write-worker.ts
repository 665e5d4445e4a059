/** The thread that writes small commits: it sleeps until it is asked, and answers whoever still waits. */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { asked, done, ended, left, WriteSlot } from "./write-slot.ts";

/** Messages of the thread: it has begun; the write that nobody waited for has ended. */
export type Said = "ready" | "done";

/** Linux' number for an error of the device, for failures that have none of their own. */
const eio = -5;

const slot = new WriteSlot(workerData as SharedArrayBuffer);
const { state } = slot;
const port = parentPort!;

port.postMessage("ready" satisfies Said);
for (let seen = Atomics.load(state, 0); seen !== ended; seen = Atomics.load(state, 0)) {
  if (seen === asked || seen === left) answer();
  else Atomics.wait(state, 0, seen);
}

function answer(): void {
  slot.result = written();
  if (Atomics.compareExchange(state, 0, asked, done) === asked) Atomics.notify(state, 0);
  else if (Atomics.compareExchange(state, 0, left, done) === left) port.postMessage("done" satisfies Said);
}

function written(): number {
  const { fd, length, at } = slot.task;
  try {
    return writeSync(fd, slot.bytes, 0, length, at);
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? eio;
  }
}
