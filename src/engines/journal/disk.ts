/**
 * The few disk calls that the journal needs, as a port: tests replace it with a disk that fails, tears and forgets.
 */
import fs from "node:fs";
import { join } from "node:path";
import { shortWrite, totalBytes } from "./parts.ts";
import type { WriteThread } from "./write-thread.ts";

/** An open file. Every write gives its place. */
export interface DiskFile {
  /**
   * Writes all of `parts`, back to back, from `at` on. Rejects with the system's error; any part of it may then be
   * written.
   */
  write(parts: readonly Uint8Array[], at: number): Promise<void>;
  /** The same, and resolves when it is on the disk; in one system call where that is possible. */
  writeSynced(parts: readonly Uint8Array[], at: number): Promise<void>;
  /** Resolves when everything that was written is on the disk. */
  sync(): Promise<void>;
  /** Fills `into` from `at` on; resolves to the number of bytes read. */
  read(into: Uint8Array, at: number): Promise<number>;
  /** The same, blocking: for a few bytes of an index. */
  readSync(into: Uint8Array, at: number): number;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  /** False when its name belongs to another file, or to none, or when it is shorter than `bytes`. Blocking. */
  isInPlace(bytes: number): boolean;
  close(): Promise<void>;
}

/** One folder of files. A name is a plain file name. */
export interface Disk {
  list(): Promise<readonly string[]>;
  /** Creates an empty file; when this resolves, it survives a crash. */
  create(name: string): Promise<DiskFile>;
  open(name: string): Promise<DiskFile>;
  /** Writes a whole file under this name, replacing any other: after a crash it is the old or the new one. */
  replace(name: string, parts: readonly Uint8Array[]): Promise<void>;
  /** When this resolves, the file stays removed after a crash. A missing file is not an error. */
  remove(name: string): Promise<void>;
}

const fileMode = 0o600;
/** The system takes at most this many parts in a call; more are copied together. */
const partsMax = 1_000;
/**
 * With this flag, every write is synced. That saves a commit a turn of the event loop and a thread. On other systems
 * than Linux, syncing does more than this flag asks for.
 */
const { O_CREAT, O_DSYNC, O_EXCL, O_RDWR } = fs.constants;
const syncsItself = process.platform === "linux" ? O_DSYNC : 0;

type Thread = Pick<WriteThread, "write">;

/** A folder of this machine, which must exist. `thread`: for small writes that are synced. */
export function folderDisk(folder: string, thread?: Thread): Disk {
  const syncFolder = async () => {
    const handle = await fs.promises.open(folder, "r");
    await handle.sync().finally(() => handle.close());
  };
  return {
    list: () => fs.promises.readdir(folder),
    async create(name) {
      const file = await openFile(join(folder, name), O_RDWR | O_CREAT | O_EXCL | syncsItself, thread);
      await syncFolder();
      return file;
    },
    open: (name) => openFile(join(folder, name), O_RDWR | syncsItself, thread),
    async replace(name, parts) {
      const aside = join(folder, `${name}.new`);
      const file = await openFile(aside, "w+");
      try {
        await file.write(parts, 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.promises.rename(aside, join(folder, name));
      await syncFolder();
    },
    async remove(name) {
      await fs.promises.rm(join(folder, name), { force: true });
      await syncFolder();
    },
  };
}

// Uses callbacks rather than a FileHandle: that saves a promise for each call, and closing is up to us.
const openFile = (path: string, flags: string | number, thread?: Thread): Promise<DiskFile> =>
  new Promise((resolve, reject) => {
    fs.open(path, flags, fileMode, (error, fd) =>
      error ? reject(error) : resolve(fileOf(fd, path, flags, thread)),
    );
  });

function fileOf(fd: number, path: string, flags: string | number, thread: Thread | undefined): DiskFile {
  const { dev, ino } = fs.fstatSync(fd);
  const write: DiskFile["write"] = (parts, at) =>
    new Promise((resolve, reject) => {
      const few = parts.length > partsMax ? [Buffer.concat(parts)] : parts;
      fs.writev(fd, few, at, (error, written) => {
        if (error !== null) return reject(error);
        return written === totalBytes(few) ? resolve() : reject(shortWrite());
      });
    });
  const sync = (): Promise<void> =>
    new Promise((resolve, reject) => fs.fdatasync(fd, (error) => (error ? reject(error) : resolve())));
  return {
    write,
    writeSynced:
      typeof flags === "number" && (flags & syncsItself) !== 0
        ? (parts, at) => thread?.write(fd, parts, at) ?? write(parts, at)
        : (parts, at) => write(parts, at).then(sync),
    sync,
    read: (into, at) =>
      new Promise((resolve, reject) => {
        fs.read(fd, into, 0, into.length, at, (error, bytes) => (error ? reject(error) : resolve(bytes)));
      }),
    readSync: (into, at) => fs.readSync(fd, into, 0, into.length, at),
    truncate: (bytes) =>
      new Promise((resolve, reject) =>
        fs.ftruncate(fd, bytes, (error) => (error ? reject(error) : resolve())),
      ),
    size: () =>
      new Promise((resolve, reject) => {
        fs.fstat(fd, (error, stats) => (error ? reject(error) : resolve(stats.size)));
      }),
    isInPlace(bytes) {
      const found = statOrNone(path);
      return found !== undefined && found.ino === ino && found.dev === dev && found.size >= bytes;
    },
    close: () =>
      new Promise((resolve, reject) => fs.close(fd, (error) => (error ? reject(error) : resolve()))),
  };
}

/** Also undefined if the folder can no longer be entered. */
function statOrNone(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
