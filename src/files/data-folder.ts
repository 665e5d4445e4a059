/** The folder of `--data`: creating it, and explaining why it cannot be used. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { getSystemErrorName } from "node:util";
import { dataUnusable } from "../errors/start.ts";

/**
 * Creates the folder, and the missing ones above it, readable only by their owner. One level at a time, because
 * Node's recursive `mkdir` never returns where a folder cannot be created, as under /proc.
 */
export function makeDataFolder(folder: string): void {
  try {
    const missing: string[] = [];
    for (let at = resolve(folder); !isThere(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
    for (const path of missing) makeOne(path);
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR", path: folder });
  } catch (cause) {
    throw dataFailure(folder, cause);
  }
}

/**
 * The reason why the folder cannot be used; `cause` itself if another folder would not help. LMDB's errors have the
 * system's numbers where Node's have names.
 */
export function dataFailure(folder: string, cause: unknown): unknown {
  const { code, path } = cause as { readonly code?: unknown; readonly path?: string };
  const name = typeof code === "number" && code > 0 ? getSystemErrorName(-code) : code;
  const reason = typeof name === "string" ? folderReasons[name] : undefined;
  return reason === undefined ? cause : dataUnusable(resolve(folder), reason(resolve(path ?? folder)), cause);
}

const folderReasons: Readonly<Record<string, (at: string) => string>> = {
  EACCES: (at) => `permission denied at ${at}`,
  EPERM: (at) => `permission denied at ${at}`,
  EROFS: (at) => `the disk of ${at} is read-only`,
  ENOSPC: (at) => `the disk of ${at} is full`,
  ENOENT: (at) => `${at} cannot be made`,
  ENOTDIR: (at) => `${at} is no folder, or is in a file`,
  EISDIR: (at) => `${at} is no file`,
  ENXIO: (at) => `${at} is no file`,
  EFBIG: (at) => `${at} is larger than what belongs there`,
  EEXIST: (at) => `${at} is no folder`,
  ELOOP: (at) => `${at} is a link that leads nowhere`,
  ENAMETOOLONG: (at) => `${at} is too long a name`,
};

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

// Another process may have been faster.
function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || !isThere(path)) throw cause;
  }
}
