/** Was it for want of room that a transaction failed? */
import { open } from "node:fs/promises";
import { join } from "node:path";

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const probeBytes = 1024 * 1024;

/**
 * LMDB answers EIO when a disk takes only a part of a write, so the number alone does not tell. Asks the disk: can the
 * file grow? Bytes behind the last page are nobody's (LMDB leaves some there itself when a transaction fails), and no
 * transaction is under way meanwhile.
 */
export async function isFull(folder: string, cause: unknown): Promise<boolean> {
  const message = cause instanceof Error ? cause.message : "";
  if (message.startsWith("MDB_") && !message.startsWith("MDB_MAP_FULL")) return false;
  const file = await open(join(folder, "data.mdb"), "r+").catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { size } = await file.stat();
    try {
      const { bytesWritten } = await file.write(Buffer.alloc(probeBytes), 0, probeBytes, size);
      return bytesWritten < probeBytes;
    } finally {
      await file.truncate(size);
    }
  } catch (error) {
    return fullCodes.has((error as NodeJS.ErrnoException).code ?? "");
  } finally {
    await file.close();
  }
}
