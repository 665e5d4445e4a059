/**
 * Knows whether an engine's folder may be written now, and whether it is still the folder that the next start will
 * open. The engine asks before each transaction, and a timer asks when there are none. A trouble is logged once,
 * shown in `/readyz` and metrics while it lasts, and returned to writers as an error; it ends by itself when its
 * cause does.
 */
import { join } from "node:path";
import type { Logger } from "pino";
import type { AppError } from "../../errors/app-error.ts";
import { dataGone, storeLost } from "../../errors/engines.ts";
import { storeFull } from "../../errors/store.ts";
import { dataInPlace, diskFree, diskRefusing } from "../../metrics.ts";
import { DataFile, type FileState } from "./data-file.ts";
import type { FolderLock } from "./folder-lock.ts";
import { FreeSpace, type FreeSpaceOptions, type Use } from "./free-space.ts";

type GuardOptions = Omit<FreeSpaceOptions, "folder" | "file"> & {
  readonly folder: string;
  /** The file that is written; it exists. */
  readonly file: string;
  readonly lock: Pick<FolderLock, "check">;
  readonly logger: Logger | undefined;
};

const tickMs = 1_000;
const MiB = 1024 * 1024;

export class FolderGuard {
  readonly #options: GuardOptions;
  readonly #space: FreeSpace;
  readonly #file: DataFile;
  readonly #timer: NodeJS.Timeout;
  #state: FileState = "there";
  #isRestInPlace: () => boolean = () => true;
  #isRestGone = false;
  #isFull = false;
  /** The size of the write that was refused last: when that fits again, there is enough space. */
  #refusedBytes = 0;
  #isLost = false;
  /** True when the system refused a write for lack of space that could not be foreseen, as with a quota. */
  #isSpent = false;
  #checking: Promise<void> | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#space = new FreeSpace(options);
    this.#file = new DataFile(join(options.folder, options.file));
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
    this.#tick();
  }

  /** The reason why `bytes` may not be written now; undefined if they may. */
  refuses(bytes: number, use: Use): AppError | undefined {
    if (this.#isLost) return storeLost();
    if (!this.isThere()) return dataGone();
    if (this.#space.has(bytes, use)) return undefined;
    if (use === "intake") {
      this.#refusedBytes = bytes;
      this.#tellRoom(true);
    }
    return storeFull(new Error(`${this.#freeMiB()} MiB are free`));
  }

  /** Counts `bytes` written to the file, and those written elsewhere in the folder. */
  wrote(bytes: number, elsewhereBytes = 0): void {
    this.#space.wrote(bytes, elsewhereBytes);
  }

  /** True when the file that is written is the one that the next start will open. */
  isThere(): boolean {
    const state = this.#file.state();
    if (state !== this.#state) this.#tellFile(state);
    return state === "there";
  }

  /** `true`: a write failed for lack of space; `false`: writes succeed again. */
  spent(isSpent: boolean): void {
    this.#isSpent = isSpent;
  }

  /** Adds a check of something else that must be in its place, made once a second. Its writer refuses by itself. */
  watch(isInPlace: () => boolean): void {
    this.#isRestInPlace = isInPlace;
  }

  /** The reasons why no lines are taken, for the operator. */
  troubles(): string[] {
    const troubles: string[] = [];
    if (this.#isLost) troubles.push(storeLost().message);
    if (this.#state !== "there" || this.#isRestGone) troubles.push(dataGone().message);
    if (this.#isSpent) troubles.push("The disk of --data takes no more: a quota, or it is full.");
    else if (!this.#hasRoom()) {
      const reserve = Math.round(this.#options.reserveBytes / MiB);
      troubles.push(
        `The disk of --data has ${this.#freeMiB()} MiB left, and ${reserve} MiB of it are kept free.`,
      );
    }
    return troubles;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checking;
  }

  #tick(): void {
    this.isThere();
    const isRestGone = !this.#isRestInPlace();
    if (isRestGone !== this.#isRestGone) this.#tellRest(isRestGone);
    this.#tellRoom(!this.#hasRoom());
    diskFree.set(Math.max(0, Math.min(this.#space.free, Number.MAX_SAFE_INTEGER)));
    this.#checking ??= this.#checkLock().finally(() => {
      this.#checking = undefined;
    });
  }

  #hasRoom(): boolean {
    return this.#space.has(this.#isFull ? this.#refusedBytes : 0, "intake");
  }

  async #checkLock(): Promise<void> {
    const { lock, logger } = this.#options;
    if (this.#isLost || this.#state !== "there") return;
    try {
      if ((await lock.check()) === "held") return;
    } catch (err) {
      logger?.error({ err }, "the lock of --data cannot be looked after; it is tried again");
      return;
    }
    this.#isLost = true;
    logger?.fatal("another server has the folder of --data: this one takes nothing any more");
  }

  #tellFile(state: FileState): void {
    const { logger } = this.#options;
    const { path } = this.#file;
    this.#state = state;
    this.#setInPlace();
    if (state === "there") logger?.info({ path }, "the data are in their place again");
    else if (state === "gone") logger?.fatal({ path }, "the data were removed or replaced under the server");
    else logger?.fatal({ path }, "the data were cut under the server: a read of what is missing ends it");
  }

  #tellRest(isGone: boolean): void {
    const { logger, folder } = this.#options;
    this.#isRestGone = isGone;
    this.#setInPlace();
    if (isGone) logger?.fatal({ folder }, "lines of the log were removed, replaced or cut under the server");
    else logger?.info({ folder }, "the lines of the log are in their place again");
  }

  #setInPlace(): void {
    dataInPlace.set(this.#state === "there" && !this.#isRestGone ? 1 : 0);
  }

  #tellRoom(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    diskRefusing.set(isFull ? 1 : 0);
    const { logger, reserveBytes } = this.#options;
    const room = { freeMiB: this.#freeMiB(), reserveMiB: Math.round(reserveBytes / MiB) };
    if (isFull) logger?.error(room, "the disk of --data is full but for its reserve: lines are refused");
    else logger?.info(room, "the disk of --data has room again");
  }

  #freeMiB(): number {
    return Math.max(0, Math.floor(this.#space.free / MiB));
  }
}
