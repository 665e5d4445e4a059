/**
 * A process that appends to a folder until it is killed, for tests: `FOLDER BATCH_BYTES [EXTRA]`. Prints a line of JSON
 * for each thing that happens: `ready`, `{stored: N}` for a batch with first line N, `{failed: CODE}`.
 */
import { realClock } from "../../src/clock.ts";
import { openLmdb } from "../../src/engines/lmdb/open.ts";
import { batchOfBytes, channelOf } from "../support/batches.ts";

const [folder, batchBytes, together] = process.argv.slice(2);
const tell = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`);

const keepsAll = {
  ageMsMax: Infinity,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: Infinity,
};

try {
  const { log } = await openLmdb({ folder: folder!, clock: realClock, retention: keepsAll });
  tell("ready");
  for (let next = 0; ; ) {
    const appends = Array.from({ length: Number(together) }, async () => {
      const firstLine = next++;
      const batch = batchOfBytes(Number(batchBytes), {
        firstLine,
        frameId: `frame-${firstLine}`,
        acceptedAtMs: Date.now(),
      });
      try {
        await log.append(channelOf(firstLine % 3), batch);
        tell({ stored: firstLine });
      } catch (error) {
        tell({ failed: (error as { code: string }).code, firstLine });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    await Promise.all(appends);
  }
} catch (error) {
  tell({ refused: (error as { code: string }).code, message: (error as Error).message });
}
