/**
 * A disk that fills up: refused in time, what has to go on goes on, nothing acknowledged is lost, nothing refused is stored
 * later, LMDB meets no write that fails, and all goes on by itself when there is room.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { channelOf } from "../support/batches.ts";
import { until } from "../support/until.ts";
import { Writer, type WriterOptions } from "../support/writer.ts";

const KiB = 1024;
const batchBytes = 20_000;
const diskKiB = 16 * KiB;
/** Reserves as small as the disk of these tests. */
const room = { reserveBytes: 4 * KiB * KiB, floorBytes: KiB * KiB };

let folder: string;
let cleanups: (() => unknown)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-full-"));
  cleanups = [() => rm(folder, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function startWriter(options: Partial<WriterOptions>): Writer {
  const writer = new Writer(folder, { batchBytes, together: 20, ...options });
  cleanups.push(() => writer.kill());
  return writer;
}

/** Fills the disk, makes room, and looks at what is stored in the end. */
async function fill(writer: Writer, makeRoom: () => unknown): Promise<void> {
  await until(() => writer.failed.length > 600); // lmdb's memory was gone after some 490 failed writes
  expect(writer.isRunning).toBe(true);
  expect(writer.stored.length).toBeGreaterThan(100);
  expect(new Set(writer.failed.map(({ failed }) => failed))).toEqual(new Set(["STORE_FULL"]));
  const before = writer.stored.length;
  makeRoom();
  await until(() => writer.stored.length > before + 100);
  await writer.kill();
  const found = await storedNumbers();
  for (const number of writer.stored) expect(found.has(number)).toBe(true);
  for (const { firstLine } of writer.failed) expect(found.has(firstLine)).toBe(false);
}

async function storedNumbers(): Promise<Set<number>> {
  const engine = await openEmbedded({ folder, clock: realClock, retention: keepsAll, room });
  const found = new Set<number>();
  for (let channel = 0; channel < 3; channel++) {
    const { batches } = await engine.log.recent(channelOf(channel), Infinity);
    for (const { firstLine } of batches) found.add(firstLine);
  }
  await engine.close();
  return found;
}

function expectSeenInTime(writer: Writer): void {
  expect(writer.errors).not.toContain("Write error");
  expect(new Set(writer.failed.map(({ upkeep }) => upkeep))).toEqual(new Set(["stored"]));
  expect(writer.failed.at(-1)!.troubles).toEqual([
    expect.stringMatching(/^The disk of --data has \d+ MiB left, and 4 MiB/),
  ]);
}

test("a real one", async ({ skip }) => {
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskKiB}k`, "tmpfs", folder]);
  if (mounted.status !== 0)
    skip("this user may mount no disk: the next test has the same by a limit of the process");
  cleanups.push(() => execFileSync("umount", [folder]));
  const writer = startWriter({ room });
  await fill(writer, () => {
    expectSeenInTime(writer);
    execFileSync("mount", ["-o", "remount,size=200m", folder]);
  });
}, 180_000);

test("a limit of the process's files: segments stay below it", async () => {
  const writer = startWriter({ room, fileKiBMax: diskKiB });
  await until(() => writer.stored.length * batchBytes > 3 * diskKiB * KiB);
  expect(writer.failed).toEqual([]);
  await writer.kill();
  const found = await storedNumbers();
  for (const number of writer.stored) expect(found.has(number)).toBe(true);
}, 180_000);

test("one that does not say how full it is, as with a quota: what it refuses is told, and taken off", async ({
  skip,
}) => {
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskKiB}k`, "tmpfs", folder]);
  if (mounted.status !== 0)
    skip("this user may mount no disk: test/engines/journal runs the same on one that a test makes up");
  cleanups.push(() => execFileSync("umount", [folder]));
  const writer = startWriter({ room: { ...room, blind: true } });
  await fill(writer, () => {
    expect(writer.failed.at(-1)!.troubles).toEqual([expect.stringContaining("takes no more: a quota")]);
    execFileSync("mount", ["-o", "remount,size=200m", folder]);
  });
}, 180_000);
