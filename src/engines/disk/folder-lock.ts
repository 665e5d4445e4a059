/**
 * One process, one folder: a lock that is held for the life of its process and ends with it, however that ends.
 *
 * A process that wants the folder raises a flag in it, and then looks at the others. Flags are visible before their
 * owners look, so of two processes at least one sees the other: at most one finds itself alone, and that one has the
 * lock. Two that see each other decide by name: the lower one stays, the other withdraws and tries again. Leftover
 * files, ages and process ids decide nothing, so killed holders, reused ids and other containers are not special
 * cases.
 *
 * This works within one kernel: two machines on one network folder do not see each other.
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
  /** Raises a flag; for tests of disks that do not support sockets. */
  readonly raise?: (at: string) => Promise<Flag>;
};

/** After this long with other candidates, the folder counts as in use by one of them. */
const agreeMsMax = 30_000;
/** A process that is alive and does not answer may be busy; only after this long does it count as the holder. */
const silentMsMax = 5_000;
const lookAgainMs = 5;
const retreatMsMax = 40;
/** The system limits a socket's address to 108 bytes, or 104. Node silently truncates a longer one. */
const addressBytesMax = 100;
const flagNameBytesMax = 48;
/** Errors of a disk that supports no sockets, or cannot be written at all. */
const noSocketCodes = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSYS", "ENOSPC", "EDQUOT"]);

/** A held lock. */
export class FolderLock {
  readonly #places: Places;
  #flag: Flag;

  private constructor(places: Places, flag: Flag) {
    this.#places = places;
    this.#flag = flag;
  }

  /** Takes the lock of an existing folder. Rejects with `storeInUse` when another process has it. */
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
   * Checks that the lock is still held. If somebody removed the flag, it is raised again, and the lock is lost if
   * another process took it in the meantime.
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

/** True if a process that is alive has raised a flag in the folder. Changes nothing. */
export async function isFolderTaken(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const places = new Places(folder, {});
  try {
    return (await places.others()).length > 0;
  } finally {
    places.close();
  }
}

/** Raises flags until one is alone; returns that flag, which holds the lock. */
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

/** Looks until `flag` is alone; returns the rival if it must withdraw. */
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
 * The folders for flags: the folder itself, or the system's folder for sockets if its disk does not support them. All
 * are looked at.
 */
class Places {
  readonly #folder: Place;
  readonly #spare: Place;
  readonly #options: FolderLockOptions;
  #isLogged = false;

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
      if (!this.#isLogged) {
        const text = "the disk of --data takes no socket: a server in another container is not seen";
        logger?.warn({ err: error, lock: this.#spare.path }, text);
      }
      this.#isLogged = true;
      mkdirSync(this.#spare.path, { recursive: true, mode: 0o700 });
      return raise(this.#spare.address);
    }
  }

  /** Reads all flags but `own`; somebody with a flag of its own removes those of dead processes. */
  async others(own?: Flag): Promise<FlagAnswer[]> {
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

  /** A path of the folder that is short enough for a socket in it. */
  get address(): string {
    if (Buffer.byteLength(this.path) + flagNameBytesMax <= addressBytesMax) return this.path;
    this.#descriptor ??= openSync(this.path, "r");
    const short = `/proc/self/fd/${this.#descriptor}`;
    if (!existsSync(short)) throw Object.assign(new Error(), { code: "ENAMETOOLONG", path: this.path });
    return short;
  }

  async others(own: Flag | undefined): Promise<FlagAnswer[]> {
    if (!existsSync(this.path)) return [];
    const names = readdirSync(this.path).filter((name) => isFlagName(name) && name !== own?.name);
    const answers = await Promise.all(names.map((name) => this.#ask(name, own !== undefined)));
    return answers.filter((answer) => answer !== undefined);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  async #ask(name: string, removes: boolean): Promise<FlagAnswer | undefined> {
    const answer = await ask(this.address, name);
    if (answer === undefined && removes) rmSync(join(this.path, name), { force: true });
    return answer;
  }
}
