/**
 * One process, one folder: a lock that is held for life and ends with its process, however that ends.
 *
 * A process that wants the folder raises a flag in it and looks then. Flags are visible before their owners look, so of
 * two at least one sees the other: at most one finds itself alone, which is the lock. Two that see each other agree by
 * their names: the lower one stays, the other goes back and tries again. Nothing is decided by a file that is left
 * over, by an age or by a process id, which is why a killed holder, a reused id, and another container are no special
 * cases.
 *
 * One kernel: two machines on one network folder do not see each other.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { storeInUse } from "../../errors/engines.ts";
import { ask, Flag, type FlagAnswer, isFlagName, pidSpace } from "./lock-flag.ts";

type FolderLockOptions = {
  readonly logger?: Logger | undefined;
  /** Raises a flag; there for tests of disks that take no sockets. */
  readonly raise?: (at: string) => Promise<Flag>;
};

/** Others may be candidates for so long; then the folder is in use by one of them. */
const agreeMsMax = 30_000;
/** A process that lives and says nothing may be busy; for so long it is not taken for one that holds the lock. */
const silentMsMax = 5_000;
const lookAgainMs = 5;
const retreatMsMax = 40;
/** The system's bound of a socket's address is 108 bytes, or 104. A longer one is cut by Node without a word. */
const addressBytesMax = 100;
const flagNameBytesMax = 48;
/** A disk that takes no sockets, or nothing at all. */
const noSocketCodes = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSYS", "ENOSPC", "EDQUOT"]);

/** A held lock. */
export class FolderLock {
  readonly #places: Places;
  #flag: Flag;

  private constructor(places: Places, flag: Flag) {
    this.#places = places;
    this.#flag = flag;
  }

  /** Takes the lock of a folder that is there. Rejects with `storeInUse` when another process has it. */
  static async take(folder: string, options: FolderLockOptions = {}): Promise<FolderLock> {
    const places = new Places(folder, options);
    try {
      return new FolderLock(places, await alone(places, folder));
    } catch (error) {
      places.close();
      throw error;
    }
  }

  /**
   * Is it still held? Somebody may have removed the flag: then it is raised again, and the lock is lost if another
   * process took it meanwhile.
   */
  async check(): Promise<"held" | "lost"> {
    if (this.#flag.isThere()) return "held";
    const flag = await this.#places.raise();
    flag.hold();
    await this.#flag.lower();
    this.#flag = flag;
    return (await rivalOf(this.#places, flag, performance.now() + agreeMsMax)) === undefined
      ? "held"
      : "lost";
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#flag.lower();
    this.#places.close();
  }
}

/** Raises a flag until it is the only one; the flag that holds the lock. */
async function alone(places: Places, folder: string): Promise<Flag> {
  const giveUpAtMs = performance.now() + agreeMsMax;
  for (;;) {
    const flag = await places.raise();
    const rival = await rivalOf(places, flag, giveUpAtMs);
    if (rival === undefined && flag.isThere()) {
      flag.hold();
      return flag;
    }
    await flag.lower();
    if (rival?.isFinal) throw inUse(rival.answer, folder);
    await delay(Math.random() * retreatMsMax);
  }
}

type Rival = { readonly answer: FlagAnswer; readonly isFinal: boolean };

/** Looks until `flag` is alone, or tells whom it has to give way to. */
async function rivalOf(places: Places, flag: Flag, giveUpAtMs: number): Promise<Rival | undefined> {
  let silentAtMs: number | undefined;
  for (;;) {
    const others = await places.others(flag);
    const [first] = others;
    if (first === undefined) return undefined;
    const nowMs = performance.now();
    const holder = others.find(({ state }) => state === "holder");
    if (holder !== undefined) return { answer: holder, isFinal: true };
    const silent = others.find(({ state }) => state === "unknown");
    silentAtMs = silent && (silentAtMs ?? nowMs);
    if (silentAtMs !== undefined && nowMs - silentAtMs > silentMsMax)
      return { answer: silent!, isFinal: true };
    if (nowMs > giveUpAtMs) return { answer: first, isFinal: true };
    const lower = others.find(({ name, state }) => state === "candidate" && name < flag.name);
    if (lower !== undefined && !flag.isHolder) return { answer: lower, isFinal: false };
    await delay(lookAgainMs);
  }
}

function inUse({ pid, host, pidSpace: space }: FlagAnswer, folder: string): Error {
  return storeInUse(pid, folder, space === pidSpace() ? undefined : host);
}

/**
 * The folders of flags: the folder itself, or, where its disk takes none, the system's folder for such. All are looked
 * at.
 */
class Places {
  readonly #folder: Place;
  readonly #spare: Place;
  readonly #options: FolderLockOptions;
  #isTold = false;

  constructor(folder: string, options: FolderLockOptions) {
    const { dev, ino } = statSync(folder, { bigint: true });
    this.#folder = new Place(folder);
    this.#spare = new Place(join(tmpdir(), `tailrace-${process.getuid?.() ?? 0}-${dev}-${ino}`));
    this.#options = options;
  }

  async raise(): Promise<Flag> {
    const { raise = Flag.raise, logger } = this.#options;
    try {
      return await raise(this.#folder.address);
    } catch (error) {
      if (!noSocketCodes.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      if (!this.#isTold) {
        const text = "the disk of --data takes no socket: a server in another container is not seen";
        logger?.warn({ err: error, lock: this.#spare.path }, text);
      }
      this.#isTold = true;
      mkdirSync(this.#spare.path, { recursive: true, mode: 0o700 });
      return raise(this.#spare.address);
    }
  }

  /** Reads all flags but `own`. Those that nobody stands behind are removed. */
  async others(own: Flag): Promise<FlagAnswer[]> {
    const answers = await Promise.all([this.#folder, this.#spare].map((place) => place.others(own)));
    return answers.flat();
  }

  close(): void {
    this.#folder.close();
    this.#spare.close();
  }
}

class Place {
  readonly path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The folder by a name that is short enough for a socket in it. */
  get address(): string {
    if (Buffer.byteLength(this.path) + flagNameBytesMax <= addressBytesMax) return this.path;
    this.#descriptor ??= openSync(this.path, "r");
    const short = `/proc/self/fd/${this.#descriptor}`;
    if (!existsSync(short)) throw Object.assign(new Error(), { code: "ENAMETOOLONG", path: this.path });
    return short;
  }

  async others(own: Flag): Promise<FlagAnswer[]> {
    if (!existsSync(this.path)) return [];
    const names = readdirSync(this.path).filter((name) => isFlagName(name) && name !== own.name);
    const answers = await Promise.all(names.map((name) => this.#ask(name)));
    return answers.filter((answer) => answer !== undefined);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  async #ask(name: string): Promise<FlagAnswer | undefined> {
    const answer = await ask(this.address, name);
    if (answer === undefined) rmSync(join(this.path, name), { force: true });
    return answer;
  }
}
