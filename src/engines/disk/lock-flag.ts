/**
 * A flag that a process raises in a folder: a listening Unix socket whose name is used only once. Whoever connects is
 * told whose flag it is. The system accepts connections for a process that is alive, even from another container, and
 * for none that is dead; so a flag that refuses a connection is stale for ever, and anybody may remove it.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { lstatSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";

/** `candidate`: it is checking whether it is alone. `unknown`: the process is alive and does not answer. */
type FlagState = "candidate" | "holder" | "unknown";

/** The process of a flag, as it describes itself. */
export type FlagAnswer = {
  readonly name: string;
  readonly pid: number;
  readonly state: FlagState;
  /** The name of its host, and the namespace of its process id, if the system has such. */
  readonly host?: string;
  readonly pidSpace?: string | undefined;
};

const nameForm = /^lock-([0-9]{1,10})-[0-9a-f]{24}$/;
/** A process that is alive but frozen is not waited for any longer. */
const answerMsMax = 1000;
const answerBytesMax = 1024;
const askersMax = 64;

/** True if this is the name of a flag. */
export const isFlagName = (name: string): boolean => nameForm.test(name);

/** The namespace of this process's id: two containers can each have a process 1. */
export function pidSpace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}

/** A raised flag. */
export class Flag {
  readonly name: string;
  readonly #server: Server;
  readonly #path: string;
  readonly #inode: bigint;
  #state: FlagState = "candidate";

  private constructor(name: string, path: string, server: Server) {
    this.name = name;
    this.#path = path;
    this.#server = server;
    this.#inode = lstatSync(path, { bigint: true }).ino;
    server.on("connection", (socket) => {
      socket.on("error", () => {}); // the client has asked and left
      socket.setTimeout(answerMsMax, () => socket.destroy());
      const { name, pid } = { name: this.name, pid: process.pid };
      const answer: FlagAnswer = { name, pid, state: this.#state, host: hostname(), pidSpace: pidSpace() };
      socket.end(JSON.stringify(answer)).resume();
    });
  }

  /** Raises a flag in the folder at `at`. It gets its name only when it answers. */
  static async raise(at: string): Promise<Flag> {
    const name = `lock-${process.pid}-${randomBytes(12).toString("hex")}`;
    const hidden = join(at, `.${name}`);
    const server = createServer().unref();
    server.maxConnections = askersMax;
    server.listen(hidden);
    await once(server, "listening");
    try {
      const path = join(at, name);
      renameSync(hidden, path);
      return new Flag(name, path, server);
    } catch (cause) {
      server.close();
      throw cause;
    }
  }

  get isHolder(): boolean {
    return this.#state === "holder";
  }

  /** From now on the flag says that its process holds the lock. */
  hold(): void {
    this.#state = "holder";
  }

  /** False when somebody has removed the flag, so that nobody sees it. */
  isThere(): boolean {
    return lstatSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** Idempotent. */
  async lower(): Promise<void> {
    if (!this.#server.listening) return;
    if (this.isThere()) rmSync(this.#path, { force: true });
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Asks the flag `name` in the folder at `at`; undefined when its process is dead. */
export function ask(at: string, name: string): Promise<FlagAnswer | undefined> {
  const pid = Number(nameForm.exec(name)?.[1]);
  const silent: FlagAnswer = { name, pid, state: "unknown" };
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(join(at, name));
    socket.setTimeout(answerMsMax, () => {
      resolve(silent);
      socket.destroy();
    });
    socket.on("data", (bytes) => {
      text += bytes;
      if (text.length > answerBytesMax) socket.destroy();
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      // After ECONNRESET the process is just ending, which the next look will show. With any other error, somebody
      // may be there.
      const isDead = code === "ECONNREFUSED" || code === "ENOENT";
      resolve(isDead ? undefined : code === "ECONNRESET" ? { ...silent, state: "candidate" } : silent);
    });
    socket.on("close", () =>
      resolve(text === "" ? { ...silent, state: "candidate" } : (parsed(text) ?? silent)),
    );
  });
}

function parsed(text: string): FlagAnswer | undefined {
  try {
    return JSON.parse(text) as FlagAnswer;
  } catch {
    return undefined;
  }
}
