/** The embedded engine, in one folder: the log in a journal of segments, the records in an LMDB environment. */
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { dataDamaged } from "../errors/engines.ts";
import { dataFailure, makeDataFolder } from "../files/data-folder.ts";
import { damagedBytes, damagedLines, journalBytes, journalLiveBytes } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import { convertLines, hasLines } from "./convert.ts";
import { type FolderFormat, formatNow, readFormat, writeFormat } from "./disk/folder-format.ts";
import { FolderGuard } from "./disk/folder-guard.ts";
import { FolderLock } from "./disk/folder-lock.ts";
import { warnOfOpenFiles } from "./disk/folder-modes.ts";
import { diskReserve } from "./disk/free-space.ts";
import type { Engine, Retention } from "./engine.ts";
import { folderDisk } from "./journal/disk.ts";
import { type OpenJournal, openJournal } from "./journal/open.ts";
import { WriteThread } from "./journal/write-thread.ts";
import { compareWithLastStop, keepLastStop } from "./last-stop.ts";
import { Commits } from "./lmdb/commits.ts";
import { dataFileName, Environment, type Room } from "./lmdb/environment.ts";
import { LmdbStore, Records } from "./lmdb/store.ts";

type EmbeddedOptions = {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly retention: Retention;
  /** The space to keep free on the disk, and how to measure it; for tests. */
  readonly room?: Partial<Room>;
  /** When small writes are waited for; for tests. */
  readonly writes?: ConstructorParameters<typeof WriteThread>[0];
};

/** `troubles`: reasons why no lines can be taken, for the operator. */
export type EmbeddedEngine = Engine & { troubles(): readonly string[] };

/** The log's subfolder. */
const journalFolder = "journal";

/**
 * Opens the folder's log and store, creating them if there are none. Rejects with an `AppError` for what the operator
 * can mend.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  const { folder, clock, logger } = options;
  makeDataFolder(folder);
  const path = realpathSync(folder);
  const lock = await FolderLock.take(path, { logger }).catch((error: unknown) => {
    throw dataFailure(path, error);
  });
  const parts: { close(): Promise<unknown> }[] = [lock];
  try {
    const format = readFormat(path);
    const environment = await Environment.open(path, format, { ...diskReserve, ...options.room });
    parts.unshift(environment);
    const engine = await compose(environment, { ...options, folder: path }, lock, format, parts);
    if (format?.format !== formatNow) await writeFormat(path, clock.nowMs(), format);
    warnOfOpenFiles(path, logger);
    return engine;
  } catch (error) {
    await closeAll(parts);
    throw dataFailure(path, error);
  }
}

async function compose(
  environment: Environment,
  options: EmbeddedOptions,
  lock: FolderLock,
  format: FolderFormat | undefined,
  parts: { close(): Promise<unknown> }[],
): Promise<EmbeddedEngine> {
  const { folder, logger } = options;
  const guard = new FolderGuard({
    ...diskReserve,
    reusableBytes: () => environment.reusableBytes(),
    ...options.room,
    folder,
    file: dataFileName,
    lock,
    logger,
  });
  parts.unshift(guard);
  const records = new Records(environment.texts("records"), environment.tree("meta"));
  const commits = new Commits({
    root: environment.root,
    folder,
    guard,
    logger,
    clock: options.clock,
    formed: () => records.formed(),
  });
  parts.unshift(commits);
  const store = new LmdbStore(records, commits);
  parts.unshift(store);
  const thread = new WriteThread(options.writes, logger);
  parts.unshift(thread);
  const journal = await openFolderJournal(environment, options, guard, format, thread);
  parts.unshift(journal, {
    async close() {
      if (guard.isThere()) await keepLastStop(store, journal.extent(), logger);
    },
  });
  await compareWithLastStop(store, journal.extent(), logger);
  guard.watch(() => journal.isInPlace());
  let closing: Promise<void> | undefined;
  return {
    log: journal.log,
    store,
    troubles: () => guard.troubles(),
    close() {
      closing ??= closeAll(parts);
      return closing;
    },
  };
}

async function openFolderJournal(
  environment: Environment,
  { folder, clock, logger, retention }: EmbeddedOptions,
  guard: FolderGuard,
  format: FolderFormat | undefined,
  thread: WriteThread,
): Promise<OpenJournal> {
  const path = join(folder, journalFolder);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const disk = folderDisk(path, thread);
  // There are lines in an earlier form: a conversion was interrupted, and starts again.
  const isEarlier = hasLines(environment);
  if (isEarlier) for (const name of await disk.list()) await disk.remove(name);
  const journal = await openJournal({
    disk,
    clock,
    logger,
    retention,
    guard: {
      refuses: (bytes, use) => guard.refuses(bytes, use),
      wrote: (bytes) => guard.wrote(0, bytes),
      spent: (isSpent) => guard.spent(isSpent),
    },
    damaged: (what) => ("lines" in what ? damagedLines.inc(what.lines) : damagedBytes.inc(what.bytes)),
    room: ({ bytes, liveBytes }) => {
      journalBytes.set(bytes);
      journalLiveBytes.set(liveBytes);
    },
  });
  try {
    if (format?.format === formatNow && journal.segments === 0) {
      throw dataDamaged(`${path} is empty, and has held this server's lines since ${format.since}`);
    }
    if (isEarlier) await convertLines(environment, journal, logger);
    await journal.begin();
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

async function closeAll(parts: readonly { close(): Promise<unknown> }[]): Promise<void> {
  for (const part of parts) await part.close();
}
