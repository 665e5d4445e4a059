/** One process, one folder: in one process, between many, between containers, and after what kills processes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FolderLock } from "../../../src/engines/disk/folder-lock.ts";
import { Flag } from "../../../src/engines/disk/lock-flag.ts";

import { until } from "../../support/until.ts";

let folder: string;
let children: ChildProcess[];
let locks: FolderLock[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-lock-"));
  children = [];
  locks = [];
});
afterEach(async () => {
  for (const child of children) await kill(child);
  for (const lock of locks) await lock.close();
  await rm(folder, { recursive: true, force: true });
});

const take = async (at = folder, options = {}) => {
  const lock = await FolderLock.take(at, options);
  locks.push(lock);
  return lock;
};
const flags = async () => (await readdir(folder)).filter((name) => name.includes("lock-"));

const script = fileURLToPath(new URL("lock-process.ts", import.meta.url));
type Said = { readonly held?: number; readonly refused?: string; readonly message?: string };

/** A process that takes the lock on request and keeps it. `before`: a command that runs it. */
function startTaker(before: readonly string[] = []) {
  const [command, ...args] = [...before, process.execPath, "--no-warnings", script, folder];
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const said: Said[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => said.push(JSON.parse(line)));
  return { child, said, go: () => child.stdin!.write("\n") };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "close");
}

/** Of processes that start at the same moment: who holds the lock, and what the others were told. */
async function race(processes: number) {
  const takers = Array.from({ length: processes }, () => startTaker());
  await until(() => takers.every(({ said }) => said.length === 1)); // ready
  for (const { go } of takers) go();
  await until(() => takers.every(({ said }) => said.length === 2));
  const holders = takers.filter(({ said }) => said[1]!.held !== undefined);
  const messages = takers.flatMap(({ said }) => said[1]!.message ?? []);
  return { holders, messages, takers };
}

describe("at most one holds it", () => {
  test("of many that ask at the same time in one process", async () => {
    for (let round = 0; round < 10; round++) {
      const asked = await Promise.allSettled(Array.from({ length: 12 }, () => take()));
      expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const lock of locks.splice(0)) await lock.close();
    }
    expect(await flags()).toEqual([]);
  });

  test("of 10 processes, three times, each time beside what the killed ones left", async () => {
    for (let round = 0; round < 3; round++) {
      const { holders, messages, takers } = await race(10);
      expect(holders).toHaveLength(1);
      expect(messages).toHaveLength(9);
      // It names the holder, or one that was about to be.
      const pids = takers.map(({ child }) => child.pid);
      for (const message of messages) {
        const [, pid] = /^Process (\d+) runs a server on /.exec(message)!;
        expect(pids).toContain(Number(pid));
      }
      for (const { child } of takers) await kill(child);
      expect((await flags()).length).toBeGreaterThan(0); // a stale flag is in the next round's way
    }
  });

  test("a killed holder is no obstacle, and leaves nothing for good", async () => {
    const first = startTaker();
    first.go();
    await until(() => first.said.length === 2);
    await expect(take()).rejects.toMatchObject({ code: "STORE_IN_USE" });
    await kill(first.child);
    const lock = await take();
    expect(await flags()).toHaveLength(1);
    await lock.close();
    expect(await flags()).toEqual([]);
  });

  test("a holder that is frozen is told by its process id", async () => {
    const first = startTaker();
    first.go();
    await until(() => first.said.length === 2);
    first.child.kill("SIGSTOP");
    await expect(take()).rejects.toMatchObject({
      code: "STORE_IN_USE",
      message: expect.stringContaining(`Process ${first.child.pid} runs`),
    });
  });

  test("a process id that is in use again, by whatever process, is no obstacle", async () => {
    await writeFile(join(folder, `lock-${process.ppid}-${"0".repeat(24)}`), "");
    await take();
  });
});

describe("a folder", () => {
  test("whose name is too long for the address of a socket is locked as any other", async () => {
    const long = join(folder, "x".repeat(200), "data.d");
    await mkdir(long, { recursive: true });
    await take(long);
    await expect(take(long)).rejects.toMatchObject({ code: "STORE_IN_USE" });
    expect((await readdir(folder)).length).toBe(1);
  });

  test("on a disk that takes no sockets is locked elsewhere, and a flag in the folder counts all the same", async () => {
    const said: unknown[] = [];
    const logger = { warn: (...what: unknown[]) => said.push(what) };
    const raise = (at: string) =>
      at === folder ? Promise.reject(Object.assign(new Error(), { code: "EOPNOTSUPP" })) : Flag.raise(at);
    const spare = await take(folder, { raise, logger });
    expect(await flags()).toEqual([]);
    expect(said).toHaveLength(1);
    await expect(take(folder, { raise })).rejects.toMatchObject({ code: "STORE_IN_USE" });
    await expect(take()).rejects.toMatchObject({ code: "STORE_IN_USE" });
    await spare.close();
    await take();
    await expect(take(folder, { raise })).rejects.toMatchObject({ code: "STORE_IN_USE" });
  });

  test("a flag that somebody removed is raised again; a lock that was taken meanwhile is lost", async () => {
    const lock = await take();
    const [first] = await flags();
    await rm(join(folder, first!));
    expect(await lock.check()).toBe("held");
    await expect(take()).rejects.toMatchObject({ code: "STORE_IN_USE" });
    for (const name of await flags()) await rm(join(folder, name));
    await take();
    expect(await lock.check()).toBe("lost");
  });

  test("where something answers that is no flag of ours is in use", async () => {
    const other = createServer((socket) => socket.end("x".repeat(5000))).listen(
      join(folder, `lock-77-${"0".repeat(24)}`),
    );
    await once(other, "listening");
    await expect(take()).rejects.toMatchObject({
      code: "STORE_IN_USE",
      message: expect.stringContaining("77"),
    });
    other.close();
  });
});

describe("a process of another container", () => {
  /** Runs a command with process ids of its own, as a container does. */
  const ownPids = [
    "unshare",
    ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
    ...["--pid", "--fork", "--kill-child", "--mount-proc"],
  ];

  test("that has the same process id is seen", async ({ skip }) => {
    const [command, ...args] = [...ownPids, "true"];
    if (spawnSync(command!, args).status !== 0) skip("this machine makes no space of process ids");
    const [first, second] = [startTaker(ownPids), startTaker(ownPids)];
    await until(() => first.said.length === 1 && second.said.length === 1);
    first.go();
    await until(() => first.said.length === 2);
    second.go();
    await until(() => second.said.length === 2);
    expect(first.said[1]!.held).toBe(1);
    expect(second.said[1]).toMatchObject({ refused: "STORE_IN_USE" });
    expect(second.said[1]!.message).toContain("Process 1 of the container ");
  });

  test("is told by its host, where its id says nothing", async () => {
    const answer = { name: "lock-1", pid: 1, state: "holder", host: "web-1", pidSpace: "pid:[1]" };
    const other = createServer((socket) => socket.end(JSON.stringify(answer)));
    other.listen(join(folder, `lock-1-${"0".repeat(24)}`));
    await once(other, "listening");
    await expect(take()).rejects.toMatchObject({
      message: expect.stringContaining("Process 1 of the container web-1 runs a server"),
    });
    other.close();
  });
});
