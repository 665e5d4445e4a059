/** The operator's key where none is given: made at the first start, kept in the data folder, readable by its owner alone. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dataUnusable } from "./errors.ts";
import { dataFailure, makeDataFolder } from "./start-failures.ts";

/** The key in `FOLDER/api-key`, made when there is none. Rejects with `dataUnusable`. */
export async function keptOperatorKey(
  folder: string,
): Promise<{ readonly secret: string; readonly path: string }> {
  const path = join(folder, "api-key");
  makeDataFolder(folder);
  try {
    const secret = `trk_${randomBytes(32).toString("base64url")}`;
    await writeFile(path, `${secret}\n`, { mode: 0o600, flag: "wx" });
    return { secret, path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw dataFailure(folder, error);
  }
  const secret = await readFile(path, "utf8").catch((error: unknown) => {
    throw dataFailure(folder, error);
  });
  // A disk that was full at the first start leaves a file without a key, and nobody is the operator by no word at all.
  if (secret.trim() === "")
    throw dataUnusable(folder, `${path} is empty; remove it, and the next start makes a key`);
  return { secret: secret.trim(), path };
}
