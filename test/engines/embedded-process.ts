/**
 * A process that appends to a folder until it is killed, for tests: `FOLDER BATCH_BYTES TOGETHER [ROOM]`. ROOM is
 * JSON: what is kept free, and `blind` for a disk that does not say how full it is. Prints a line of JSON
 * for each thing that happens: `ready`, `{stored: N}` for a batch with first line N, `{failed: CODE}`.
 */
import { realClock } from "../../src/clock.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { batchOfBytes, channelOf } from "../support/batches.ts";

const [folder, batchBytes, together, roomText = "{}"] = process.argv.slice(2);
const { blind, ...reserves } = JSON.parse(roomText) as Room;
const unlimited = () => Number.POSITIVE_INFINITY;
const room = { ...reserves, ...(blind && { freeBytes: unlimited, fileBytesMax: unlimited }) };
const tell = (what: Said) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** What it prints. */
export type Said =
  | "ready"
  | { readonly stored: number }
  | Failed
  | { readonly refused: string; readonly message: string };
/** A batch that was refused, what became of a record that was put then, and what the engine says is in the way. */
export type Failed = {
  readonly failed: string;
  readonly firstLine: number;
  readonly upkeep: string;
  readonly troubles: readonly string[];
};
export type Room = { readonly reserveBytes?: number; readonly floorBytes?: number; readonly blind?: true };

const keepsAll = {
  ageMsMax: Infinity,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: Infinity,
};

try {
  const { log, store, troubles } = await openEmbedded({
    writes: { smallMin: 1 },
    folder: folder!,
    clock: realClock,
    retention: keepsAll,
    room,
  });
  tell("ready");
  for (let next = 0; ; ) {
    const appends = Array.from({ length: Number(together) }, async () => {
      const firstLine = next++;
      const batch = batchOfBytes(Number(batchBytes), {
        firstLine,
        dedupId: `frame-${firstLine}`,
        acceptedAtMs: Date.now(),
      });
      try {
        await log.append(channelOf(firstLine % 3), batch);
        tell({ stored: firstLine });
      } catch (error) {
        const upkeep = await store.put(`cursor/${firstLine}`, firstLine, 0).then(
          () => "stored",
          (failure: { code: string }) => failure.code,
        );
        tell({ failed: (error as { code: string }).code, firstLine, upkeep, troubles: troubles() });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    await Promise.all(appends);
  }
} catch (error) {
  tell({ refused: (error as { code: string }).code, message: (error as Error).message });
}
