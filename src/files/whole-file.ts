/**
 * Writes small files atomically: beside their place, synced, then moved there in one step. Readable only by their
 * owner. Reads small files.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** On a disk without links, the last writer wins. */
const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

const readBytesMax = 16 * 1024 * 1024;

/** Creates the file; false if it exists already, in which case it is left as it is. */
export async function makeWhole(path: string, text: string): Promise<boolean> {
  return writeBeside(path, text, async (beside) => {
    try {
      await link(beside, path);
      return true;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return false;
      if (!linkless.has(code)) throw error;
      await rename(beside, path);
      return true;
    }
  });
}

/** Creates the file, or replaces it. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await writeBeside(path, text, (beside) => rename(beside, path));
}

/**
 * Reads a small file. Throws with the code ENXIO for a pipe or a device, which would be waited for or read without end,
 * and EFBIG for a file that is larger than any that is meant.
 */
export function readWhole(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(file);
    const isSmall = stats.isFile() && stats.size <= readBytesMax;
    if (isSmall) return readFileSync(file);
    const code = stats.isDirectory() ? "EISDIR" : stats.isFile() ? "EFBIG" : "ENXIO";
    throw Object.assign(new Error(`${code}: ${path}`), { code, path });
  } finally {
    closeSync(file);
  }
}

async function writeBeside<Result>(
  path: string,
  text: string,
  put: (beside: string) => Promise<Result>,
): Promise<Result> {
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(beside, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const result = await put(beside);
    await syncFolder(dirname(path));
    return result;
  } finally {
    await rm(beside, { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
