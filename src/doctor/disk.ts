/**
 * Checks the folder of `--data`: its owner, whether it is writable, how much room it has, and how long a sync takes.
 */
import { constants, type Stats } from "node:fs";
import { access, lstat, open, rm, stat, statfs } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Config } from "../config.ts";
import { type Finding, ill, sizeText, unknown, warning, well } from "./finding.ts";

const syncs = 64;
const syncBytes = 4096;
/** Senders notice a sync that takes longer. */
const slowSyncMs = 20;
/** File systems that lose everything when the machine stops, by their numbers in statfs(2). */
const inMemory: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);
/** The room that is kept free of lines, and some for everything else. */
const roomMin = 256 * 1024 * 1024;

type SyncTimes = { readonly p50Ms: number; readonly p95Ms: number };

/** Checks nothing if the log is on NATS and no key is kept here. */
export async function lookAtDisk(
  { data, retainTotal, nats }: Pick<Config, "data" | "retainTotal" | "nats">,
  measure: (folder: string) => Promise<SyncTimes> = measureSync,
): Promise<readonly Finding[]> {
  const folder = await existing(resolve(data));
  const owned = await lookAtRights(resolve(data), folder);
  if (owned.state === "ill") return [owned];
  const found = [owned, ...(await lookAtRoom(folder, nats === undefined ? retainTotal : 0))];
  if (nats !== undefined) return found;
  return [...found, await measure(folder).then(syncFinding, noSync)];
}

/** The folder, or its nearest ancestor that exists. */
async function existing(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const isThere = await stat(at).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (isThere || at === dirname(at)) return at;
  }
}

async function lookAtRights(wanted: string, folder: string): Promise<Finding> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return ill(
      "folder",
      `this user may not write to ${folder}`,
      `Give it to the user that runs tailrace (chown), or name another folder with --data.`,
    );
  }
  if (folder !== wanted) {
    const next = join(folder, relative(folder, wanted).split(sep)[0]!);
    if (!(await isAnything(next))) return well("folder", `${wanted} can be made`);
    return ill("folder", `${next} is no folder`, "Name another folder with --data, or move what is there.");
  }
  const stats = await stat(folder);
  return isOthers(stats)
    ? warning(
        "folder",
        `others may read ${folder}, where the log and the key are kept`,
        `chmod 700 ${folder}`,
      )
    : well("folder", `${folder} is this user's alone`);
}

/** True for a file, or a link that leads nowhere, too. */
const isAnything = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const isOthers = ({ mode }: Stats): boolean => (mode & 0o077) !== 0;

async function lookAtRoom(folder: string, retainTotal: number): Promise<readonly Finding[]> {
  const { bavail, bsize, type } = await statfs(folder);
  const free = bavail * bsize;
  const memory = inMemory.get(type);
  const found: Finding[] = [];
  if (memory !== undefined)
    found.push(
      ill(
        "disk",
        `${folder} is on ${memory}: everything in it is gone when the machine stops`,
        "Name a folder on a disk with --data.",
      ),
    );
  if (free < roomMin)
    found.push(
      ill("disk", `${sizeText(free)} are free: lines are refused`, "Make room on the disk of --data."),
    );
  else if (free < retainTotal)
    found.push(
      warning(
        "disk",
        `${sizeText(free)} are free, and --retain-total lets the log grow to ${sizeText(retainTotal)}`,
        "Make room, or lower --retain-total: a full disk refuses lines.",
      ),
    );
  return found.length > 0 ? found : [well("disk", `${sizeText(free)} are free`)];
}

const noSync = (error: NodeJS.ErrnoException): Finding =>
  unknown(
    "sync",
    `the sync time of the disk could not be measured: ${error.code === "ENOSPC" ? "no space is left there" : error.message}`,
    "See the finding of the disk.",
  );

function syncFinding(times: SyncTimes): Finding {
  const text = `${syncBytes / 1024} KiB are on the disk after ${times.p50Ms.toFixed(1)} ms, 95 of 100 times within ${times.p95Ms.toFixed(1)} ms`;
  return times.p95Ms > slowSyncMs
    ? warning(
        "sync",
        text,
        "Every sender waits for that: a local SSD takes a tenth. Is the disk busy, or a network's?",
      )
    : well("sync", text);
}

/** Writes and syncs small pieces, as the log does for each commit; leaves nothing behind. */
export async function measureSync(folder: string): Promise<SyncTimes> {
  const path = join(folder, `doctor-${process.pid}`);
  const file = await open(path, "wx", 0o600);
  try {
    await rm(path, { force: true }).catch(() => {}); // at once: what ends this process leaves nothing; Windows refuses
    const piece = Buffer.alloc(syncBytes, 1);
    const times: number[] = [];
    for (let n = 0; n < syncs; n++) {
      const startMs = performance.now();
      await file.write(piece, 0, piece.length, n * syncBytes);
      await file.datasync();
      times.push(performance.now() - startMs);
    }
    times.sort((a, b) => a - b);
    return { p50Ms: times[syncs >> 1]!, p95Ms: times[Math.floor(syncs * 0.95)]! };
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
