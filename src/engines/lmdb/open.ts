/** The embedded engine: the log and the store in one LMDB environment in one folder. */
import { realpathSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import type { Logger } from "pino";
import { storeInUse } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { dataFailure, makeDataFolder } from "../../start-failures.ts";
import { FolderLock } from "../disk/folder-lock.ts";
import type { Engine, Retention } from "../engine.ts";
import { newLogId } from "../incarnation.ts";
import { Commits } from "./commits.ts";
import { FrameIds } from "./frame-ids.ts";
import { Heads } from "./heads.ts";
import { type BinaryDb, Lines } from "./lines.ts";
import { LmdbLog } from "./log.ts";
import { Trimmer } from "./retention.ts";
import { LmdbStore, Records, type RecordsDb } from "./store.ts";

export type LmdbOptions = {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly retention: Retention;
};

/** Address space, not memory or disk. */
const mapBytes = 2 ** 40;

/** Opens the folder's log and store, making them when there are none. Rejects with `storeInUse` or `dataUnusable`. */
export async function openLmdb({ folder, clock, logger, retention }: LmdbOptions): Promise<Engine> {
  makeDataFolder(folder);
  const path = realpathSync(folder);
  const lock = await FolderLock.take(path, { logger }).catch((error: unknown) => {
    throw dataFailure(path, error);
  });
  let root: RootDatabase<Buffer, Buffer> | undefined;
  try {
    // A transaction is synced before it is told of; `overlappingSync` would tell first.
    root = open<Buffer, Buffer>({
      path,
      overlappingSync: false,
      // Transactions are formed by `batch` alone. Batching by turns rejects a promise that nobody holds.
      eventTurnBatching: false,
      noSubdir: false,
      mapSize: mapBytes,
      maxDbs: 12,
      ...binary,
    });
    refuseOlder(root, path);
    return compose(root, path, lock, { clock, logger, retention });
  } catch (error) {
    await root?.close();
    await lock.close();
    throw dataFailure(path, error);
  }
}

const logIdKey = Buffer.from("log-id");
const binary = { encoding: "binary", keyEncoding: "binary" } as const;

/**
 * A server of a version that knew no `FolderLock` may still run here. LMDB's table of readers holds the id of every
 * process that has read, kept true by locks that the system drops with the process.
 */
function refuseOlder(root: RootDatabase<Buffer, Buffer>, path: string): void {
  root.get(Buffer.from("anything"));
  root.readerCheck();
  for (const [, pid] of root.readerList().matchAll(/^\s*(\d+)\s/gm)) {
    if (Number(pid) !== process.pid) throw storeInUse(Number(pid), path);
  }
}

/** The log's name; made with the folder, or by the first start of a version that gives names. */
function keptLogId(root: RootDatabase<Buffer, Buffer>, meta: BinaryDb): string {
  const kept = meta.get(logIdKey)?.toString("latin1");
  if (kept !== undefined) return kept;
  const made = newLogId();
  root.transactionSync(() => void meta.put(logIdKey, Buffer.from(made, "latin1")));
  return made;
}

function compose(
  root: RootDatabase<Buffer, Buffer>,
  path: string,
  lock: FolderLock,
  { clock, logger, retention }: Pick<LmdbOptions, "clock" | "retention"> & { logger: Logger | undefined },
): Engine {
  const db = (name: string): BinaryDb => root.openDB<Buffer, Buffer>(name, binary);
  const meta = db("meta");
  const lines = new Lines(db("lines"), keptLogId(root, meta));
  const heads = new Heads(lines, { channels: db("channels"), ends: db("ends"), meta });
  const frameIds = new FrameIds(db("frame-ids"), clock);
  const recordsDb: RecordsDb = root.openDB<Buffer, string>("records", { encoding: "binary" });
  const records = new Records(recordsDb, meta);
  const commits: Commits = new Commits({
    root,
    folder: path,
    logger,
    forming: (works) => {
      try {
        trimmer.trim(works);
      } finally {
        frameIds.formed();
        heads.formed();
        records.formed();
      }
    },
    rolledBack: () => {
      heads.forget();
      trimmer.forget();
    },
  });
  const trimmer = new Trimmer({
    clock,
    limits: retention,
    lines,
    heads,
    frameIds,
    commits,
    ages: db("ages"),
    graves: db("graves"),
  });
  const log = new LmdbLog({ lines, heads, frameIds, trimmer, commits });
  const store = new LmdbStore(records, commits);
  trimmer.start();
  let closing: Promise<void> | undefined;
  const close = async () => {
    await log.close();
    await store.close();
    await trimmer.close();
    await commits.close();
    await root.close();
    await lock.close();
  };
  return {
    log,
    store,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
