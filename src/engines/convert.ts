/**
 * Converts a folder of a version before the journal, which kept lines in trees of LMDB: they are moved to the
 * journal, each at its place, and the trees are emptied. If this is interrupted, it starts again at the next start.
 */
import type { Logger } from "pino";
import { decodeBatch } from "../core/batch/batch.ts";
import type { ChannelId, ProducerId } from "../core/ids.ts";
import { incarnationOf } from "./incarnation.ts";
import type { ImportedBatch } from "./journal/import.ts";
import type { OpenJournal } from "./journal/open.ts";
import type { BinaryDb, Environment } from "./lmdb/environment.ts";

/** Bytes that are put into the journal at a time. */
const importBytesMax = 4 * 1024 * 1024;
const tellMs = 2_000;
const channelsAtOnce = 1_000;

/** True when the folder holds lines, or ends of channels, in the earlier form. */
export const hasLines = (environment: Environment): boolean => environment.tree("channels").getCount() > 0;

/** Moves all lines. Resolves when they are on the disk, and in the journal only. */
export async function convertLines(
  environment: Environment,
  journal: OpenJournal,
  logger: Logger | undefined,
): Promise<void> {
  const lines = environment.tree("lines");
  const meta = environment.tree("meta");
  const total = lines.getCount();
  logger?.info({ batches: total }, "the lines of an earlier version are moved into the journal");
  const logId = meta.get(Buffer.from("log-id"))?.toString("latin1") ?? "0000";
  let moved = 0;
  let loggedAtMs = performance.now();
  for (const [id, number] of channelsOf(environment)) {
    const incarnation = incarnationOf(logId, number);
    let batches: ImportedBatch[] = [];
    let bytes = 0;
    for (const batch of batchesOf(lines, number, incarnation)) {
      batches.push(batch);
      bytes += batch.batch.bytes.length;
      moved++;
      if (bytes < importBytesMax) continue;
      await journal.import(id, incarnation, batches);
      batches = [];
      bytes = 0;
      if (performance.now() - loggedAtMs < tellMs) continue;
      loggedAtMs = performance.now();
      logger?.info({ percent: Math.floor((100 * moved) / total) }, "lines are moved into the journal");
    }
    if (batches.length > 0) await journal.import(id, incarnation, batches);
    else if (bytes === 0) await importEnd(environment, journal, id, number, incarnation);
  }
  emptyTrees(environment);
  logger?.info({ batches: moved }, "the lines are in the journal");
}

/**
 * Empties all trees of lines in one transaction: a start that found channels, but no lines any more, would begin the
 * conversion anew, and throw away the journal that has them.
 */
function emptyTrees(environment: Environment): void {
  const trees = (["lines", "ages", "frame-ids", "ends", "graves", "channels"] as const).map((name) =>
    environment.tree(name),
  );
  environment.root.transactionSync(() => {
    for (const tree of trees) tree.clearSync();
  });
}

/** Moves the end of a channel whose lines were all trimmed. */
async function importEnd(
  environment: Environment,
  journal: OpenJournal,
  id: ChannelId,
  number: number,
  incarnation: string,
): Promise<void> {
  const end = environment.tree("ends").get(numberKey(number));
  if (end === undefined) return;
  const [line, bytes, last] = [end.readDoubleLE(0), end.readDoubleLE(8), end.readDoubleLE(16)];
  const newest = { line: last, producer: "" as ProducerId, firstLine: 0 };
  await journal.importEnd(id, incarnation, { line, bytes, newest });
}

/** Ids and numbers of all channels, read in groups so that nothing is held open while lines are moved. */
function* channelsOf(environment: Environment): Generator<[ChannelId, number]> {
  const channels = environment.tree("channels");
  for (let after: Buffer | undefined; ; ) {
    const range = {
      start: after ?? Buffer.alloc(1),
      exclusiveStart: after !== undefined,
      limit: channelsAtOnce,
    };
    const found = [...channels.getRange(range)].map(({ key, value }) => [Buffer.from(key), value] as const);
    for (const [key, value] of found) yield [key.toString("latin1") as ChannelId, value.readUInt32BE(0)];
    if (found.length < channelsAtOnce) return;
    after = found.at(-1)![0];
  }
}

// Keys: the channel's number (4 bytes, big-endian), then the line and the bytes before it (6 bytes each).
function* batchesOf(lines: BinaryDb, number: number, incarnation: string): Generator<ImportedBatch> {
  for (let from = 0; ; ) {
    const range = { start: lineKey(number, from), end: lineKey(number + 1, 0), limit: 256 };
    const found = [...lines.getRange(range)].map(({ key, value }) => ({
      line: key.readUIntBE(4, 6),
      bytesBefore: key.readUIntBE(10, 6),
      value,
    }));
    for (const { line, bytesBefore, value } of found) {
      const batch = decodeBatch(value, { sequence: line, line, incarnation });
      yield { batch, bytesBefore };
      from = line + 1;
    }
    if (found.length < range.limit) return;
  }
}

function lineKey(number: number, line: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(number, 0);
  key.writeUIntBE(line, 4, 6);
  return key;
}

function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(number, 0);
  return key;
}
