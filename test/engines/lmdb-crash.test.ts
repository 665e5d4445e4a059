/** The embedded engine against what happens to processes and disks. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { StoredBatch } from "../../src/core/batch.ts";
import { openLmdb } from "../../src/engines/lmdb/open.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, channelOf, until } from "../support/batches.ts";

type Told =
  | "ready"
  | { stored: number }
  | { failed: string; firstLine: number }
  | { refused: string; message: string };

let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-crash-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) await kill(child);
  await rm(folder, { recursive: true });
});

const script = fileURLToPath(new URL("lmdb-process.ts", import.meta.url));

/** Starts a process that appends `together` batches at a time; `limit` is the largest file it may write, in KiB. */
function startWriter(batchBytes: number, together: number, limit?: number) {
  // Counted in blocks of 512 bytes.
  const command = `${limit === undefined ? "" : `ulimit -S -f ${limit * 2}; `}exec "$@"`;
  const child = spawn(
    "sh",
    [
      "-c",
      command,
      "sh",
      process.execPath,
      "--no-warnings",
      script,
      folder,
      String(batchBytes),
      String(together),
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  children.push(child);
  const told: Told[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => told.push(JSON.parse(line)));
  const storedCount = () => told.filter((what) => typeof what === "object" && "stored" in what).length;
  return { child, told, storedCount };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "close");
}

const reopen = () => openLmdb({ folder, clock: realClock, retention: keepsAll });

/** Every stored batch by the number that its writer gave it; checks that each channel's lines have no gap. */
async function readAll(): Promise<Map<number, StoredBatch>> {
  const engine = await reopen();
  const found = new Map<number, StoredBatch>();
  for (let channel = 0; channel < 3; channel++) {
    const { batches, end } = await engine.log.recent(channelOf(channel), Infinity);
    expect(batches.map(({ line }) => line)).toEqual(Array.from({ length: end.line }, (_, i) => i));
    for (const batch of batches) {
      expect(found.has(batch.firstLine)).toBe(false);
      found.set(batch.firstLine, batch);
    }
  }
  await engine.close();
  return found;
}

const storedNumbers = (told: readonly Told[]) =>
  told.flatMap((what) => (typeof what === "object" && "stored" in what ? [what.stored] : []));
const failedNumbers = (told: readonly Told[]) =>
  told.flatMap((what) => (typeof what === "object" && "failed" in what ? [what.firstLine] : []));

test("after kill -9 every acknowledged batch is there, whole, once, and its frame id is known", async () => {
  const { child, told, storedCount } = startWriter(5000, 8);
  await until(() => storedCount() > 200);
  await kill(child);
  const found = await readAll();
  for (const number of storedNumbers(told)) {
    expect(found.get(number)?.bytes.length).toBe(5000);
  }
  const engine = await reopen();
  const last = storedNumbers(told).at(-1)!;
  const again = await engine.log.append(channelOf(last % 3), batchOf(["x"], { frameId: `frame-${last}` }));
  expect(again.repeated).toBe(true);
  const { end } = await engine.log.recent(channelOf(0), 1);
  await engine.log.append(channelOf(0), batchOf(["next"]));
  expect((await engine.log.recent(channelOf(0), 1)).batches[0]!.line).toBe(end.line);
  await engine.close();
});

test("a second process on the same folder is refused with the first one's id; a killed one is no obstacle", async () => {
  const first = startWriter(200, 1);
  await until(() => first.storedCount() > 0);
  await expect(reopen()).rejects.toMatchObject({
    code: "STORE_IN_USE",
    message: expect.stringContaining(`Process ${first.child.pid} `),
  });
  const second = startWriter(200, 1);
  await until(() => second.told.length > 0);
  expect(second.told[0]).toMatchObject({ refused: "STORE_IN_USE" });
  await kill(first.child);
  const engine = await reopen();
  await expect(reopen()).rejects.toMatchObject({ code: "STORE_IN_USE" });
  await engine.close();
});

test("a full disk: a clear error, nothing acknowledged lost, nothing refused stored later, and on when there is room", async () => {
  const { child, told, storedCount } = startWriter(20_000, 5, 4096);
  await until(() => failedNumbers(told).length > 30);
  const codes = new Set(
    told.flatMap((what) => (typeof what === "object" && "failed" in what ? [what.failed] : [])),
  );
  expect([...codes]).toEqual(["STORE_FULL"]);
  expect((await stat(join(folder, "data.mdb"))).size).toBeLessThanOrEqual(4096 * 1024);
  const before = storedCount();
  expect(before).toBeGreaterThan(20);
  execFileSync("prlimit", ["--pid", String(child.pid), "--fsize=unlimited:"]);
  await until(() => storedCount() > before + 100);
  await kill(child);
  const found = await readAll();
  for (const number of storedNumbers(told)) expect(found.get(number)?.bytes.length).toBe(20_000);
  for (const number of failedNumbers(told)) expect(found.has(number)).toBe(false);
});
