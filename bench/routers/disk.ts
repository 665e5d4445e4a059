/** The disk alone: what a synced write takes while nobody does anything else. */
import { closeSync, fdatasyncSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preparedFile, segmentBytes } from "./floor-file.ts";

/** Some 20 lines of 200 bytes, as a commit at 10,000 lines a second has. */
const writeBytes = 4096;
const writesPerSecond = 500;
const seconds = 6;

/** p50 and p99 of the time that a write takes until it is on the disk. */
export type DiskTimes = { readonly p50Ms: number; readonly p99Ms: number };

/** Writes one after the other at the times when they are due. */
export function diskTimes(): DiskTimes {
  const folder = mkdtempSync(join(tmpdir(), "tailrace-bench-disk-"));
  const fd = preparedFile(join(folder, "lines"));
  try {
    const bytes = Buffer.alloc(writeBytes, "x");
    const times: number[] = [];
    const startMs = performance.now();
    for (let at = 0; at < seconds * writesPerSecond; at++) {
      waitUntil(startMs + (at * 1000) / writesPerSecond);
      const beganMs = performance.now();
      writeSync(fd, bytes, 0, writeBytes, (at * writeBytes) % segmentBytes);
      fdatasyncSync(fd);
      times.push(performance.now() - beganMs);
    }
    times.sort((a, b) => a - b);
    return { p50Ms: times[Math.floor(times.length * 0.5)]!, p99Ms: times[Math.floor(times.length * 0.99)]! };
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

function waitUntil(dueMs: number): void {
  const leftMs = dueMs - performance.now();
  if (leftMs > 0) Atomics.wait(nothing, 0, 0, leftMs);
}
