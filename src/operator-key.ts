/** The operator's key where none is given: made at the first start, kept in the data folder, readable by its owner alone. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The key in `FOLDER/api-key`, made when there is none. */
export async function keptOperatorKey(
  folder: string,
): Promise<{ readonly secret: string; readonly path: string }> {
  const path = join(folder, "api-key");
  await mkdir(folder, { recursive: true });
  try {
    const secret = `trk_${randomBytes(32).toString("base64url")}`;
    await writeFile(path, `${secret}\n`, { mode: 0o600, flag: "wx" });
    return { secret, path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return { secret: (await readFile(path, "utf8")).trim(), path };
}
