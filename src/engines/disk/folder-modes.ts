/**
 * Keeps a data folder private: new files are readable only by their owner; existing files are not changed, but
 * reported.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";

const othersMayRead = 0o044;
const othersMayEnter = 0o011;

/** Files in the folder that other users can read, if they can enter the folder. */
function openFiles(folder: string): string[] {
  if ((statSync(folder).mode & othersMayEnter) === 0) return [];
  return readdirSync(folder).filter((name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    return found?.isFile() && (found.mode & othersMayRead) !== 0;
  });
}

/** Logs a warning with the way to mend it. */
export function warnOfOpenFiles(folder: string, logger: Logger | undefined): void {
  const files = openFiles(folder);
  if (files.length === 0) return;
  const mend = `chmod 700 ${folder}`;
  logger?.warn(
    { files, mend },
    "other users of this machine may read the data: every app's lines, and its tokens",
  );
}
