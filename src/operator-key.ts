/** The operator's key where none is given: made at the first start, kept in the data folder, readable by its owner alone. */
import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { dataFailure, makeDataFolder } from "./start-failures.ts";

const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export type KeptKey = { readonly secret: string; readonly path: string };

/** The key in `FOLDER/api-key`, made when there is none, or nothing in it. Rejects with `dataUnusable`. */
export async function keptOperatorKey(folder: string): Promise<KeptKey> {
  const path = join(folder, "api-key");
  makeDataFolder(folder);
  try {
    const before = await keyIn(path);
    if (before !== undefined && before !== "") return { secret: before, path };
    const secret = `trk_${randomBytes(32).toString("base64url")}`;
    const isOurs = await publish(`${secret}\n`, { folder, path, overEmpty: before === "" });
    return { secret: isOurs ? secret : (await keyIn(path))!, path };
  } catch (error) {
    throw dataFailure(folder, error);
  }
}

/** Undefined: there is no such file. Empty: a disk that was full when an older version wrote it. */
async function keyIn(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

// Written aside, synced, then named: whole or not there. False when another node of this folder was quicker.
async function publish(
  text: string,
  { folder, path, overEmpty }: { folder: string; path: string; overEmpty: boolean },
): Promise<boolean> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeSynced(aside, text);
    if (overEmpty) await rename(aside, path);
    else await nameIfFree(aside, path);
    await syncFolder(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

// A disk that has no links to files takes whoever comes last.
async function nameIfFree(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    if (!linkless.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await rename(aside, path);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // where folders cannot be opened
  const opened = await open(folder, "r");
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}
