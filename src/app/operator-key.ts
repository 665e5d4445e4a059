/**
 * The operator's key when none is given: made at the first start and kept in the data folder, readable only by its
 * owner.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { dataUnusable } from "../errors/start.ts";
import { dataFailure, makeDataFolder } from "../files/data-folder.ts";
import { makeWhole, readWhole, writeWhole } from "../files/whole-file.ts";

type KeptKey = { readonly secret: string; readonly path: string };

const keyBytes = 32;
const prefix = "trk_";
/** The form of our keys: a shorter one with this prefix has been truncated. */
const keyForm = /^trk_[A-Za-z0-9_-]{43}$/;

/** The characters of a key that a header can carry; it may be somebody's own words. */
const requestText = /^[\x20-\x7e]{1,1000}$/;

/**
 * The key in `FOLDER/api-key`. It is made if there is none or the file is empty: a full disk at the first start leaves
 * an empty file, and an empty key must not be the operator's. Rejects with `dataUnusable`.
 */
export async function keptOperatorKey(folder: string, logger?: Pick<Logger, "warn">): Promise<KeptKey> {
  const path = join(folder, "api-key");
  makeDataFolder(folder);
  try {
    const made = `${prefix}${randomBytes(keyBytes).toString("base64url")}`;
    if (await makeWhole(path, `${made}\n`)) return { secret: made, path };
    const secret = readWhole(path).toString().replaceAll("\0", "").trim();
    if (secret === "") {
      logger?.warn({ path }, "the operator's key was an empty file: a new one is in its place");
      await writeWhole(path, `${made}\n`);
      return { secret: made, path };
    }
    if (secret.startsWith(prefix) && !keyForm.test(secret)) {
      const what = `${path} holds a part of a key; put the whole one back, or remove it, and the next start makes another`;
      throw dataUnusable(folder, what);
    }
    if (!requestText.test(secret)) {
      const what = `${path} holds what no request can carry as a key; put the key back, or remove the file, and the next start makes another`;
      throw dataUnusable(folder, what);
    }
    return { secret, path };
  } catch (error) {
    throw dataFailure(folder, error);
  }
}

/**
 * Warns of a key of this node alone, for where there must be other nodes: an operator whom one of them lets in is a stranger
 * to the others, and so are the sessions that the operator opens.
 */
export function warnOfOwnKey({ path }: KeptKey, logger: Pick<Logger, "warn">): void {
  logger.warn(
    { path },
    "this node has an operator's key of its own: give all nodes one, as TAILRACE_API_KEY, else they refuse each other's operator",
  );
}
