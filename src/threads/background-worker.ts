/** Starts threads that give way to those that serve requests. */
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { BackgroundArgs } from "./background-thread.ts";

/** The thread's file, compiled or as a source. */
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const entry = new URL(`./background-thread.${extension}`, import.meta.url);

/**
 * Starts a thread of a low priority. `script`: its file without extension. `nice`: 1 to 19; at 19 it runs when nobody
 * else does. Throws where the system has no thread to spare.
 */
export function backgroundWorker(
  script: URL,
  { nice, ...options }: Omit<WorkerOptions, "argv"> & { readonly nice: number },
): Worker {
  const argv: BackgroundArgs = [`${script.href}.${extension}`, String(nice)];
  return new Worker(entry, { env: {}, ...options, argv: [...argv] });
}
