import { expect, test } from "vitest";
import { jobsOf } from "../../bench/routers/job.ts";
import { diskRows, rowsOf } from "../../bench/routers/main.ts";
import type { Run } from "../../bench/routers/run.ts";

const job = jobsOf(3_000_000).find(({ name }) => name === "tcp-http")!;
const runOf = (linesPerSecond: number, foreignCores = 0, loadCores = 0.5): Run => ({
  linesPerSecond,
  cpuMicrosPerLine: 1e6 / linesPerSecond,
  besideMicrosPerLine: undefined,
  peakBytes: 100e6,
  p50Ms: undefined,
  p99Ms: undefined,
  loadCores,
  foreignCores,
});

test("a row is the median of its runs, beside that of the first peer", () => {
  const rows = rowsOf(job, [
    { peer: "syslog-ng", runs: [200_000, 210_000, 220_000].map((speed) => runOf(speed)) },
    { peer: "tailrace", runs: [400_000, 430_000, 420_000].map((speed) => runOf(speed)) },
  ]);
  expect(rows).toEqual([
    "| tcp-http | syslog-ng | 210 k | 1 | 4.76 | 1 |  |  | 100 |  |",
    "| tcp-http | tailrace | 420 k | 2.00 | 2.38 | 0.50 |  |  | 100 |  |",
  ]);
});

test("a peer that is not installed has a row that says so, and the next one is what others are held against", () => {
  expect(rowsOf(job, [{ peer: "tailrace", runs: [runOf(400_000)] }])).toEqual([
    "| tcp-http | syslog-ng | not installed | | | | | | | |",
    "| tcp-http | tailrace | 400 k | 1 | 2.50 | 1 |  |  | 100 |  |",
  ]);
});

test("the disk alone has a row where lines are sent at their time", () => {
  const times = [
    { p50Ms: 0.3, p99Ms: 2.1 },
    { p50Ms: 0.2, p99Ms: 9.7 },
    { p50Ms: 0.4, p99Ms: 3.04 },
  ];
  expect(diskRows(job, times)).toEqual(["| tcp-http | the disk alone |  |  |  |  | 0.3 | 3.0 |  |  |"]);
  expect(diskRows(job, [])).toEqual([]);
});

test("a row says when its runs differ, and when others used the machine", () => {
  const runs = [runOf(200_000), runOf(240_000, 0.3), runOf(220_000)];
  expect(rowsOf(job, [{ peer: "syslog-ng", runs }])[0]).toContain(
    "runs differ by 20 %, others took 0.30 of a core |",
  );
});

test("what a peer needs beside itself stands behind its own processor, and a load that had no more to give is told", () => {
  const onNats = jobsOf(3_000_000).find(({ name }) => name === "http-http on NATS")!;
  const rows = rowsOf(onNats, [
    { peer: "tailrace", runs: [runOf(250_000)] },
    { peer: "tailrace on NATS", runs: [{ ...runOf(200_000, 0, 0.97), besideMicrosPerLine: 3.9 }] },
  ]);
  expect(rows[1]).toBe(
    "| http-http on NATS | tailrace on NATS | 200 k | 0.80 | 5.00 + 3.90 | 1.25 |  |  | 100 | the load's core was full (0.97) |",
  );
});
