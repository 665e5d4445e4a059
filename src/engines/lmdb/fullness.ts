/** Finds out whether a transaction failed for lack of space. */
import { open } from "node:fs/promises";
import { join } from "node:path";

const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const pieceBytes = 1024 * 1024;

/**
 * LMDB answers EIO when a disk takes only part of a write, so its error does not tell. Asks the disk instead whether
 * the file can grow by what a transaction of `bytes` may need. Bytes after the last page belong to nobody (LMDB
 * itself leaves some there when a transaction fails), and no transaction is under way meanwhile.
 */
export async function isFull(folder: string, bytes: number): Promise<boolean> {
  const file = await open(join(folder, "data.mdb"), "r+").catch(() => undefined);
  if (file === undefined) return false;
  const piece = Buffer.alloc(pieceBytes);
  const { size } = await file.stat();
  try {
    for (let grown = 0; grown < 2 * bytes + pieceBytes; grown += pieceBytes) {
      const { bytesWritten } = await file.write(piece, 0, pieceBytes, size + grown);
      if (bytesWritten < pieceBytes) return true;
    }
    return false;
  } catch (error) {
    return fullCodes.has((error as NodeJS.ErrnoException).code ?? "");
  } finally {
    await file.truncate(size).finally(() => file.close());
  }
}
