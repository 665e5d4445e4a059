/**
 * A data folder describes itself: `tailrace.json` names the format of its contents, and since when. It is written
 * when the folder first holds something, so a folder that lost its data can be told from a new one.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { dataDamaged, dataNewer } from "../../errors/engines.ts";
import { readWhole, writeWhole } from "../../files/whole-file.ts";

const fileName = "tailrace.json";
/**
 * The format of this version. 1: lines and records in LMDB. 2: lines in a journal of segments. A folder with a higher
 * number was written by a newer tailrace.
 */
export const formatNow = 2;

export type FolderFormat = { readonly format: number; readonly since: string };

/**
 * The format that the folder states; undefined when it states none, because it is new, or of a version that wrote no
 * such file.
 */
export function readFormat(folder: string): FolderFormat | undefined {
  const path = join(folder, fileName);
  let text: string;
  try {
    text = readWhole(path).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const found = parsed(text);
  if (found === undefined) {
    const what = `${path}, which names the form of what is kept there, cannot be read`;
    throw dataDamaged(what, "Restore that file, or remove it: what else there is is then taken as it is.");
  }
  if (found.format > formatNow) throw dataNewer(folder, found.format, formatNow);
  return found;
}

/** True if an embedded engine has kept data in the folder, as far as this process may see. */
export function holdsLog(folder: string): boolean {
  try {
    return statSync(join(folder, fileName), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Records that the folder holds data in this format, since now, or since the time in `before`. Durable when it
 * resolves.
 */
export async function writeFormat(
  folder: string,
  nowMs: number,
  before: FolderFormat | undefined,
): Promise<void> {
  const format: FolderFormat = { format: formatNow, since: before?.since ?? new Date(nowMs).toISOString() };
  await writeWhole(join(folder, fileName), `${JSON.stringify(format)}\n`);
}

/**
 * Throws when the folder says that it holds data, but the file at `path`, where it should be, is empty or missing.
 */
export function refuseEmptied(path: string, format: FolderFormat | undefined): void {
  if (format === undefined || (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  const state = statSync(path, { throwIfNoEntry: false }) === undefined ? "not there" : "empty";
  throw dataDamaged(`${path} is ${state}, and has held this server's data since ${format.since}`);
}

function parsed(text: string): FolderFormat | undefined {
  try {
    const { format, since } = JSON.parse(text) as Partial<FolderFormat>;
    return Number.isInteger(format) && typeof since === "string" ? { format: format!, since } : undefined;
  } catch {
    return undefined;
  }
}
