/**
 * Writes small files atomically: beside their place, synced, then moved there in one step. Readable only by their
 * owner.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** On a disk without links, the last writer wins. */
const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

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

/** Reads a file; rejects for a pipe, which would be waited for without end, or whatever else is no file. */
export async function readWhole(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await file.stat()).isFile()) throw Object.assign(new Error("no file"), { code: "EISDIR", path });
    return await file.readFile("utf8");
  } finally {
    await file.close();
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
