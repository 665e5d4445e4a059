/** What a process holds, as Linux counts it. */
import { readdirSync, readFileSync } from "node:fs";

/** What the process itself holds: pages of mapped files are the system's to take back. */
export function anonymousBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match![1]) * 1024;
}

/** Files and sockets that it has open. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
