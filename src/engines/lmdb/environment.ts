/**
 * The LMDB environment in a folder that this process has locked. The file is checked before LMDB maps it, so that
 * damage is reported properly; it is created for its owner only.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { AppError } from "../../errors/app-error.ts";
import { dataDamaged, storeInUse } from "../../errors/engines.ts";
import { dataUnusable } from "../../errors/start.ts";
import { dataFailure } from "../../files/data-folder.ts";
import { type FolderFormat, refuseEmptied } from "../disk/folder-format.ts";
import { FreeSpace, type FreeSpaceOptions } from "../disk/free-space.ts";
import { checkFile } from "./file-check.ts";

/** The data. LMDB's own lock file lies beside it, and is created anew when nobody uses it. */
export const dataFileName = "data.mdb";
export type BinaryDb = Database<Buffer, Buffer>;
/** Trees of this version and of earlier ones. */
const treeNames = ["ages", "channels", "ends", "frame-ids", "graves", "lines", "meta", "records"] as const;
type TreeName = (typeof treeNames)[number];

/** The space to keep free on the disk, and how to measure it. */
export type Room = Omit<FreeSpaceOptions, "folder" | "file">;

/** This is address space, not memory or disk. */
const mapBytes = 2 ** 40;
const binary = { encoding: "binary", keyEncoding: "binary" } as const;
/** LMDB's codes for a file that it cannot read. */
const damageCodes: readonly unknown[] = [-30_793, -30_794, -30_795, -30_796, -30_797];

type Stats = {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
};
type RootStats = Stats & { readonly lastPageNumber: number; readonly root: Stats; readonly free: Stats };

export class Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly #trees: Database[] = [];

  private constructor(root: RootDatabase<Buffer, Buffer>) {
    this.root = root;
  }

  /**
   * Opens the environment in the folder, or creates it. Rejects with an `AppError` that says what is wrong with the
   * file.
   */
  static async open(folder: string, format: FolderFormat | undefined, room: Room): Promise<Environment> {
    const path = join(folder, dataFileName);
    refuseEmptied(path, format);
    refuseDamaged(path);
    refuseFull(folder, path, room);
    let environment: Environment | undefined;
    try {
      environment = new Environment(openRoot(folder));
      environment.#refuseOlder(folder);
      return environment;
    } catch (cause) {
      await environment?.close();
      if (cause instanceof AppError) throw cause;
      const { code, message } = cause as { code?: unknown; message: string };
      if (!damageCodes.includes(code)) throw dataFailure(folder, cause);
      throw dataDamaged(`${path} cannot be read (${message})`, undefined, cause);
    }
  }

  /** A tree of binary keys. */
  tree(name: TreeName): BinaryDb {
    return this.#keep(this.root.openDB<Buffer, Buffer>(name, binary));
  }

  /** A tree whose keys are texts. */
  texts(name: TreeName): Database<Buffer, string> {
    return this.#keep(this.root.openDB<Buffer, string>(name, { encoding: "binary" }));
  }

  /** Unused bytes of the file, which are written before the file grows. */
  reusableBytes(): number {
    const stats = this.root.getStats() as RootStats;
    const used = [stats.root, stats.free, ...this.#trees.map((tree) => tree.getStats() as Stats)];
    const pages = used.reduce((sum, tree) => sum + pagesOf(tree), 2);
    return (stats.lastPageNumber + 1 - pages) * stats.pageSize;
  }

  close(): Promise<void> {
    return this.root.close();
  }

  #keep<Tree extends Database>(tree: Tree): Tree {
    this.#trees.push(tree);
    return tree;
  }

  /**
   * A server of an earlier version, without `FolderLock`, may still be running here. LMDB's table of readers has the
   * id of every process that has read; the system drops their locks when they end.
   */
  #refuseOlder(folder: string): void {
    this.root.get(Buffer.from("anything"));
    this.root.readerCheck();
    for (const [, pid] of this.root.readerList().matchAll(/^\s*(\d+)\s/gm)) {
      if (Number(pid) !== process.pid) throw storeInUse(Number(pid), folder);
    }
  }
}

function openRoot(path: string): RootDatabase<Buffer, Buffer> {
  const options = {
    path,
    // Transactions are synced before they are reported; `overlappingSync` would report them first.
    overlappingSync: false,
    // Transactions are formed only by `batch`. Batching by turns rejects a promise that nobody handles.
    eventTurnBatching: false,
    noSubdir: false,
    mapSize: mapBytes,
    maxDbs: 12,
    permissionsMode: 0o600, // missing in lmdb's types
    ...binary,
  };
  return open<Buffer, Buffer>(options);
}

function refuseDamaged(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile()) throw Object.assign(new Error(path), { code: "ENXIO", path }); // LMDB dies of a pipe
  if ((stats?.size ?? 0) === 0) return;
  const { damage, names } = checkFile(path);
  if (damage !== undefined) throw dataDamaged(`${path} is ${damage}`);
  const known: readonly string[] = treeNames;
  const other = names.find((name) => !known.includes(name));
  if (other === undefined) return;
  throw dataDamaged(
    `${path} holds "${other.slice(0, 40)}", which is not tailrace's, or not of this version`,
    "Give a folder of tailrace's own with --data, or start the version that wrote this one.",
  );
}

/** LMDB fails badly on a full disk while it creates its file. */
function refuseFull(folder: string, path: string, room: Room): void {
  if (existsSync(path)) return;
  const space = new FreeSpace({ ...room, folder, file: dataFileName });
  if (!space.has(0, "upkeep")) throw dataUnusable(folder, `the disk of ${folder} is full`);
}

const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Stats): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;
