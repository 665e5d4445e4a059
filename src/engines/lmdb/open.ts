/** The embedded engine: the log and the store in one LMDB environment in one folder. */
import { realpathSync } from "node:fs";
import type { Logger } from "pino";
import type { Clock } from "../../ports.ts";
import { dataFailure, makeDataFolder } from "../../start-failures.ts";
import { AgeClock } from "../age-clock.ts";
import { readFormat, writeFormat } from "../disk/folder-format.ts";
import { FolderGuard } from "../disk/folder-guard.ts";
import { FolderLock } from "../disk/folder-lock.ts";
import { warnOfOpenFiles } from "../disk/folder-modes.ts";
import { diskReserve } from "../disk/free-space.ts";
import type { Engine, Retention } from "../engine.ts";
import { newLogId } from "../incarnation.ts";
import { Commits } from "./commits.ts";
import { dataFileName, Environment, type Room } from "./environment.ts";
import { FrameIds } from "./frame-ids.ts";
import { Heads } from "./heads.ts";
import { type BinaryDb, Lines } from "./lines.ts";
import { LmdbLog } from "./log.ts";
import { keptTime, Trimmer } from "./retention.ts";
import { LmdbStore, Records } from "./store.ts";

export type LmdbOptions = {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly retention: Retention;
  /** What is kept free of the disk, and how it is measured; there for tests. */
  readonly room?: Partial<Room>;
};

/** `troubles`: what stands in the way of taking lines, in words for the operator. */
export type LmdbEngine = Engine & { troubles(): readonly string[] };

/** Opens the folder's log and store, making them when there are none. Rejects with an `AppError` for what can be mended. */
export async function openLmdb(options: LmdbOptions): Promise<LmdbEngine> {
  const { folder, clock, logger } = options;
  makeDataFolder(folder);
  const path = realpathSync(folder);
  const lock = await FolderLock.take(path, { logger }).catch((error: unknown) => {
    throw dataFailure(path, error);
  });
  let environment: Environment | undefined;
  try {
    const format = readFormat(path);
    environment = await Environment.open(path, format, { ...diskReserve, ...options.room });
    const engine = compose(environment, { ...options, folder: path }, lock);
    if (format === undefined) {
      await writeFormat(path, clock.nowMs()).catch((err: unknown) => {
        logger?.warn(
          { err },
          "the folder of --data does not say that it holds data: the next start writes it down",
        );
      });
    }
    warnOfOpenFiles(path, logger);
    return engine;
  } catch (error) {
    await environment?.close();
    await lock.close();
    throw dataFailure(path, error);
  }
}

const logIdKey = Buffer.from("log-id");

/** The log's name; made with the folder, or by the first start of a version that gives names. */
function keptLogId({ root }: Environment, meta: BinaryDb): string {
  const kept = meta.get(logIdKey)?.toString("latin1");
  if (kept !== undefined) return kept;
  const made = newLogId();
  root.transactionSync(() => void meta.put(logIdKey, Buffer.from(made, "latin1")));
  return made;
}

function compose(environment: Environment, options: LmdbOptions, lock: FolderLock): LmdbEngine {
  const { folder, clock, logger, retention } = options;
  const meta = environment.tree("meta");
  const lines = new Lines(environment.tree("lines"), keptLogId(environment, meta));
  const heads = new Heads(lines, {
    channels: environment.tree("channels"),
    ends: environment.tree("ends"),
    meta,
  });
  const frameIds = new FrameIds(environment.tree("frame-ids"), clock);
  const ageClock = new AgeClock(clock, keptTime(meta));
  const records = new Records(environment.texts("records"), meta);
  const [ages, graves] = [environment.tree("ages"), environment.tree("graves")];
  const guard = new FolderGuard({
    ...diskReserve,
    reusableBytes: () => environment.reusableBytes(),
    ...options.room,
    folder,
    file: dataFileName,
    lock,
    logger,
  });
  const commits: Commits = new Commits({
    root: environment.root,
    folder,
    guard,
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
    ageClock,
    limits: retention,
    lines,
    heads,
    frameIds,
    commits,
    ages,
    graves,
    meta,
  });
  const log = new LmdbLog({ lines, heads, frameIds, ageClock, trimmer, commits });
  const store = new LmdbStore(records, commits);
  trimmer.start();
  const parts = [log, store, trimmer, commits, guard, environment, lock];
  let closing: Promise<void> | undefined;
  return {
    log,
    store,
    troubles: () => guard.troubles(),
    close() {
      closing ??= closeAll(parts);
      return closing;
    },
  };
}

async function closeAll(parts: readonly { close(): Promise<unknown> }[]): Promise<void> {
  for (const part of parts) await part.close();
}
