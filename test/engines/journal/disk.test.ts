/** The folder of the journal: what its files ask of the system. */
import fs from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type DiskFile, folderDisk } from "../../../src/engines/journal/disk.ts";

async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-disk-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { folder, disk: folderDisk(folder) };
}

const contents = async (file: DiskFile) => {
  const bytes = Buffer.alloc(await file.size());
  await file.read(bytes, 0);
  return bytes.toString();
};

test("a commit of more parts than the system takes in a call is written whole", async () => {
  const { disk } = await openFolder();
  const file = await disk.create("a");
  const parts = Array.from({ length: 2_500 }, (_, n) => Buffer.from(`${n} `));
  await file.writeSynced([Buffer.from("begin ")], 0);
  await file.writeSynced(parts, 6);
  expect(await contents(file)).toBe(`begin ${Buffer.concat(parts)}`);
  await file.close();
});

/** How the system sees a file that is open: the flags of `open`. */
async function flagsOf(path: string): Promise<number> {
  for (const fd of await readdir("/proc/self/fd")) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => "");
    if (target === path) {
      const info = await readFile(`/proc/self/fdinfo/${fd}`, "utf8");
      return Number.parseInt(/^flags:\s+(\d+)/m.exec(info)![1]!, 8);
    }
  }
  throw new Error("it is not open");
}

test.runIf(process.platform === "linux")(
  "what `writeSynced` wrote is on the disk without another call",
  async () => {
    const { folder, disk } = await openFolder();
    const isSynced = async () => ((await flagsOf(join(folder, "a"))) & fs.constants.O_DSYNC) !== 0;
    const made = await disk.create("a");
    expect(await isSynced()).toBe(true);
    await made.close();
    const again = await disk.open("a");
    expect(await isSynced()).toBe(true);
    await again.close();
  },
);
