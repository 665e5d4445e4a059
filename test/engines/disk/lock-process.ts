/**
 * A process for tests: `FOLDER`. Says that it is ready, takes the folder's lock when it reads a line, and keeps it.
 * Prints a line of JSON each: `{}`, then `{held: PID}` or `{refused: CODE, message}`.
 */
import { once } from "node:events";
import { FolderLock } from "../../../src/engines/disk/folder-lock.ts";

const tell = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`);

tell({});
await once(process.stdin, "data");
try {
  await FolderLock.take(process.argv[2]!);
  tell({ held: process.pid });
} catch (error) {
  tell({ refused: (error as { code: string }).code, message: (error as Error).message });
}
