/** A folder that was damaged, before a start or under a running server: the fault and its remedy are reported. */
import { chmodSync } from "node:fs";
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openEnvironment } from "lmdb";
import type { Logger } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { type EmbeddedEngine, openEmbedded } from "../../src/engines/embedded.ts";
import type { AppError } from "../../src/errors/app-error.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, batchOfBytes, channelOf } from "../support/batches.ts";
import { until } from "../support/until.ts";

const app = channelOf(1);
const pageBytes = 4096;

let folder: string;
let data: string;
let engine: EmbeddedEngine | undefined;
let logged: { level: string; text: string; what: unknown }[];

const logger = new Proxy({} as Logger, {
  get: (_, level: string) => (what: unknown, text: string) =>
    logged.push(typeof what === "string" ? { level, text: what, what: {} } : { level, text, what }),
});
const open = async (at = folder) => {
  engine = await openEmbedded({ folder: at, clock: realClock, retention: keepsAll, logger });
  return engine;
};
const failure = async (): Promise<AppError> => {
  const opened = await open().catch((error: AppError) => error);
  if ("log" in opened) throw new Error("it opened");
  return opened;
};
const lines = async ({ log }: EmbeddedEngine) => (await log.recent(app, Infinity)).batches.length;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "tailrace-damage-")), "data");
  data = join(folder, "data.mdb");
  logged = [];
  const { log, store } = await open();
  for (let i = 0; i < 40; i++)
    await log.append(app, batchOfBytes(i % 2 === 0 ? 300 : 9000, { firstLine: i }));
  await store.put("app/1", { name: "one" }, 0);
});
afterEach(async () => {
  await engine?.close().catch(() => {});
  engine = undefined;
  await rm(join(folder, ".."), { recursive: true, force: true });
});
const stopped = async () => {
  await engine!.close();
  engine = undefined;
};

/** Writes over a part of the data. */
async function overwrite(at: number, bytes: Buffer): Promise<void> {
  const file = await openFile(data, "r+");
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}
const zeros = (count: number) => Buffer.alloc(count);
/** The newest head, and where its fields lie: a page's header takes 24 bytes. */
async function newestHead() {
  const bytes = await readFile(data);
  const at = bytes.readBigUInt64LE(152) > bytes.readBigUInt64LE(pageBytes + 152) ? 0 : pageBytes;
  return { at, main: Number(bytes.readBigUInt64LE(at + 136)), bytes };
}

describe("a start on data that are damaged says what is wrong with them, and how to go on", () => {
  const cases: readonly [string, string, () => Promise<unknown>][] = [
    ["cut in the middle", "is cut: it has", async () => truncate(data, (await stat(data)).size / 2)],
    ["that lack their last page", "is cut: it has", cutByUsedPage],
    ["cut within the first page", "is cut: it has 100 bytes", () => truncate(data, 100)],
    ["zeroed", "is no LMDB file", async () => writeFile(data, zeros((await stat(data)).size))],
    ["of another program", "is no LMDB file", () => writeFile(data, "SQLite format 3\0".repeat(4000))],
    ["of a later LMDB", "is a file of another version of LMDB", () => overwrite(28, Buffer.from([9]))],
    ["without their second head", "is damaged: its second page", () => overwrite(pageBytes, zeros(200))],
    ["without a size of pages", "is damaged: its first page", () => overwrite(48, zeros(4))],
    [
      "zeroed at their root",
      "is damaged: page",
      async () => overwrite((await newestHead()).main * pageBytes, zeros(pageBytes)),
    ],
    [
      "that lead to pages they never had",
      "which it never had",
      async () => overwrite((await newestHead()).at + 144, Buffer.from([2, 0, 0, 0])),
    ],
    ["whose trees lead nowhere", "does not hold what it should", garbleRoot],
    ["of another program that uses LMDB", 'holds "theirs", which is not tailrace\'s', otherEnvironment],
    ["emptied", "is empty, and has held this server's data since 20", () => writeFile(data, "")],
    ["removed", "is not there, and has held this server's data since 20", () => rm(data)],
    [
      "whose folder's file of its format is cut",
      "cannot be read",
      () => writeFile(join(folder, "tailrace.json"), "{"),
    ],
  ];

  /** Cuts the file right before the last page that is in use. */
  async function cutByUsedPage() {
    const { main } = await newestHead();
    await truncate(data, main * pageBytes);
  }
  async function garbleRoot() {
    const { main } = await newestHead();
    await overwrite(main * pageBytes + 24, Buffer.alloc(100, 0xff));
  }
  async function otherEnvironment() {
    await rm(data);
    const root = openEnvironment({ path: folder, noSubdir: false, maxDbs: 2 });
    await root.openDB({ name: "theirs" }).put("key", "value");
    await root.close();
  }

  test.each(cases)("%s", async (_, words, damage) => {
    await stopped();
    const whole = await readFile(data);
    const format = await readFile(join(folder, "tailrace.json"));
    await damage();
    const error = await failure();
    expect(error).toMatchObject({ code: "DATA_DAMAGED", message: expect.stringContaining(words) });
    expect(error.message).toContain(folder);
    expect(error.mend).not.toBe("");
    // Put back, it is as it was: nothing was changed, and nobody holds the folder.
    await writeFile(data, whole);
    await writeFile(join(folder, "tailrace.json"), format);
    expect(await lines(await open())).toBe(40);
  });

  test("of a newer tailrace", async () => {
    await stopped();
    await writeFile(
      join(folder, "tailrace.json"),
      JSON.stringify({ format: 99, since: "2031-01-01T00:00:00.000Z" }),
    );
    expect(await failure()).toMatchObject({ code: "DATA_NEWER", exitStatus: 2 });
  });
});

describe("lines that somebody took away while the server was stopped are told at the start, and the others are there", () => {
  const retention = { ...keepsAll, totalBytesMax: 4_000_000 }; // segments of 250 kB
  const reopen = async () => {
    await stopped();
    engine = await openEmbedded({ folder, clock: realClock, retention, logger });
  };
  const segments = async () =>
    (await readdir(join(folder, "journal"))).filter((name) => name.endsWith(".log")).sort();
  const write = async (count: number) => {
    for (let i = 0; i < count; i++) await engine!.log.append(app, batchOfBytes(9000, { firstLine: 100 + i }));
  };
  const tellings = () =>
    logged.filter(({ text }) => text.startsWith("lines that were stored when the server was stopped"));

  const cases: readonly [string, (path: string, names: readonly string[]) => Promise<unknown>, object][] = [
    ["a segment", (path, names) => rm(join(path, names[1]!)), { missingSegments: [2], missingCommits: 0 }],
    [
      "the last one",
      (path, names) => rm(join(path, names.at(-1)!)),
      { missingSegments: [expect.any(Number)] },
    ],
    [
      "the end of the last one",
      (path, names) => truncate(join(path, names.at(-1)!), 20_000),
      { missingSegments: [], missingCommits: expect.any(Number) },
    ],
  ];

  test.each(cases)("%s", async (_, harm, words) => {
    await reopen();
    await write(100);
    await stopped();
    const names = await segments();
    expect(names.length).toBeGreaterThan(3);
    await harm(join(folder, "journal"), names);
    engine = await openEmbedded({ folder, clock: realClock, retention, logger });
    expect(tellings()).toEqual([
      expect.objectContaining({ level: "error", what: expect.objectContaining(words) }),
    ]);
    expect(await lines(engine)).toBeGreaterThan(30);
    await write(1);
    await reopen();
    expect(tellings()).toHaveLength(1);
  });

  // Retention may remove a segment while it is copied: then it is copied once more.
  const copyRunning = async (to: string): Promise<void> => {
    const options = { recursive: true, filter: (path: string) => !/lock-[0-9]/.test(path) };
    for (;;) {
      try {
        return await cp(folder, to, options);
      } catch (failure) {
        if ((failure as NodeJS.ErrnoException).code !== "ENOENT") throw failure;
        await rm(to, { recursive: true, force: true });
      }
    }
  };

  test("none, whatever retention took and however the server was stopped", async () => {
    await reopen();
    for (let round = 0; round < 4; round++) {
      await write(150); // more than is kept
      await reopen();
    }
    expect((await segments())[0]).not.toMatch(/0001\.log$/);
    await stopped();
    await cp(folder, `${folder}.copy`, { recursive: true });
    engine = await openEmbedded({ folder, clock: realClock, retention, logger });
    await write(300);
    // As a kill leaves it: what is on the disk now, and no stop behind it.
    await copyRunning(`${folder}.killed`);
    await stopped();
    engine = await openEmbedded({ folder: `${folder}.killed`, clock: realClock, retention, logger });
    expect(tellings()).toEqual([]);
  });
});

describe("a start goes on", () => {
  test("with a file that is shorter than it says, where only free pages are missing", async () => {
    const { store } = engine!;
    for (let i = 0; i < 30; i++) await store.put(`large/${i}`, "x".repeat(60_000), 0);
    for (let i = 0; i < 30; i++)
      await store.put(`large/${i}`, undefined, (await store.get(`large/${i}`))!.revision);
    // These go to pages that are free by then.
    for (let i = 0; i < 20; i++) await store.put(`app/${i + 2}`, {}, 0);
    await stopped();
    let cut = 0;
    for (let size = (await stat(data)).size - pageBytes; ; size -= pageBytes) {
      const before = await readFile(data);
      await truncate(data, size);
      const opened = await open().catch((error: AppError) => error);
      if (!("log" in opened)) {
        expect(opened.message).toContain("is cut");
        await writeFile(data, before);
        break;
      }
      await stopped();
      cut++;
      if (cut > 3) break;
    }
    expect(cut).toBeGreaterThan(0);
    expect(await lines(await open())).toBe(40);
    await engine!.log.append(app, batchOf(["more"]));
  });

  test.each([
    ["the segment that is written", 2, "log"],
    ["a full segment", 1, "log"],
    ["an index", 1, "index"],
  ])("with %s as long as no file of the log can be", async (_, number, kind) => {
    await engine!.log.append(app, batchOfBytes(9000, { firstLine: 40 }));
    await stopped();
    engine = await openEmbedded({
      folder,
      clock: realClock,
      retention: { ...keepsAll, totalBytesMax: 4_000_000 }, // segments of 250 kB
      logger,
    });
    for (let i = 0; i < 20; i++) await engine.log.append(app, batchOfBytes(9000, { firstLine: 41 + i }));
    await stopped();
    const path = join(folder, "journal", `${String(number).padStart(10, "0")}.${kind}`);
    await truncate(path, 10 * 2 ** 30);
    expect(await lines(await open())).toBe(61);
    await engine!.log.append(app, batchOf(["one more"], { firstLine: 61 }));
    await stopped();
    expect((await stat(path).catch(() => ({ size: 0 }))).size).toBeLessThan(2 ** 28);
    expect(await lines(await open())).toBe(62);
  });

  test("in a folder of a version that wrote no format, and in one whose LMDB lock is damaged", async () => {
    await stopped();
    await rm(join(folder, "tailrace.json"));
    await writeFile(join(folder, "lock.mdb"), zeros(8000));
    expect(await lines(await open())).toBe(40);
    expect(JSON.parse(await readFile(join(folder, "tailrace.json"), "utf8"))).toMatchObject({ format: 2 });
  });
});

describe("data that go away under a running server", () => {
  const append = (text: string) => engine!.log.append(app, batchOf([text], { firstLine: 1000 }));
  const cases: readonly [string, () => Promise<unknown>, (() => Promise<unknown>) | undefined][] = [
    ["moved away", () => rename(data, `${data}.away`), () => rename(`${data}.away`, data)],
    ["removed", () => rm(data), undefined],
    ["removed with their folder", () => rm(folder, { recursive: true }), undefined],
    [
      "replaced by a copy",
      async () => {
        await copyFile(data, `${data}.copy`);
        await rename(data, `${data}.away`);
        await rename(`${data}.copy`, data);
      },
      () => rename(`${data}.away`, data),
    ],
  ];

  test.each(cases)("%s: nothing is acknowledged into nowhere, and all is told", async (_, harm, mend) => {
    await append("before");
    await harm();
    await expect(append("lost")).rejects.toMatchObject({ code: "DATA_GONE", status: 503 });
    await expect(engine!.store.put("app/9", 1, 0)).rejects.toMatchObject({ code: "DATA_GONE" });
    expect(engine!.troubles()).toEqual([expect.stringContaining("removed, replaced or cut")]);
    expect(logged).toContainEqual(
      expect.objectContaining({ level: "fatal", text: expect.stringContaining("removed or replaced") }),
    );
    expect(await lines(engine!)).toBe(41); // who reads goes on
    if (mend === undefined) return;
    await mend();
    await append("after");
    expect(engine!.troubles()).toEqual([]);
    expect(logged.at(-1)).toMatchObject({ level: "info" });
  });

  test("are noticed without a write", async () => {
    await rm(data);
    await until(() => engine!.troubles().length === 1);
  });

  const journal = () => join(folder, "journal");
  /** Of the segment that is written. */
  const newest = async () =>
    join(
      journal(),
      (await readdir(journal()))
        .filter((name) => name.endsWith(".log"))
        .sort()
        .at(-1)!,
    );
  const moved = (path: string) => rename(path, `${path}.away`);
  const back = (path: string) => rename(`${path}.away`, path);
  const segmentCases: readonly [
    string,
    (path: string) => Promise<unknown>,
    ((path: string) => Promise<unknown>) | undefined,
  ][] = [
    ["moved away", moved, back],
    ["removed", (path) => rm(path), undefined],
    ["removed with its folder", () => rm(journal(), { recursive: true }), undefined],
    ["cut", (path) => truncate(path, 100), undefined],
    ["emptied", (path) => truncate(path, 0), undefined],
    [
      "replaced by a copy",
      async (path) => {
        await copyFile(path, `${path}.copy`);
        await moved(path);
        await rename(`${path}.copy`, path);
      },
      back,
    ],
  ];

  test.each(segmentCases)("the log's newest segment, %s: the same", async (_, harm, mend) => {
    await append("before");
    const path = await newest();
    await harm(path);
    await expect(append("lost")).rejects.toMatchObject({ code: "DATA_GONE", status: 503 });
    await expect(append("lost")).rejects.toMatchObject({ code: "DATA_GONE" });
    await until(() => engine!.troubles().length === 1);
    expect(logged).toContainEqual(
      expect.objectContaining({
        level: "fatal",
        text: expect.stringContaining("lines of the log were removed"),
      }),
    );
    if (mend === undefined) return;
    await mend(path);
    await append("after");
    await until(() => engine!.troubles().length === 0);
    // What was refused is nowhere, now and after a start.
    expect(await lines(engine!)).toBe(42);
    await stopped();
    expect(await lines(await open())).toBe(42);
  });

  test("cut: it is told before a read of what is missing ends the process", async () => {
    await truncate(data, 3 * pageBytes);
    await until(() => engine!.troubles().length === 1);
    expect(logged).toContainEqual(
      expect.objectContaining({ level: "fatal", text: expect.stringContaining("were cut") }),
    );
    await expect(append("lost")).rejects.toMatchObject({ code: "DATA_GONE" });
  });

  test("can be saved out of the process that still has them open", async () => {
    await append("last");
    await rm(folder, { recursive: true });
    await expect(append("lost")).rejects.toMatchObject({ code: "DATA_GONE" });
    const descriptors = await readdir("/proc/self/fd");
    const targets = await Promise.all(
      descriptors.map(
        async (name) => [name, await readlink(`/proc/self/fd/${name}`).catch(() => "")] as const,
      ),
    );
    const saved = join(folder, "..", "saved");
    await mkdir(join(saved, "journal"), { recursive: true });
    for (const [descriptor, target] of targets) {
      const [, name] = new RegExp(`^${folder}/(.*) \\(deleted\\)$`).exec(target) ?? [];
      const isData = name !== undefined && /^data\.mdb$|^journal\/.*\.log$/.test(name);
      if (isData) await copyFile(`/proc/self/fd/${descriptor}`, join(saved, name));
    }
    await stopped();
    expect(await lines(await open(saved))).toBe(41);
  });
});

describe("files of the folder", () => {
  test("are their owner's alone, and so is the folder", async () => {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of ["data.mdb", "lock.mdb", "tailrace.json"])
      expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
    expect(logged).toEqual([]);
  });

  test("that others may read are told with the mend, in a folder that others may enter", async () => {
    await stopped();
    chmodSync(data, 0o644);
    await open();
    expect(logged).toEqual([]);
    await stopped();
    await chmod(folder, 0o755);
    await open();
    expect(logged).toEqual([
      { level: "warn", text: expect.any(String), what: { files: ["data.mdb"], mend: `chmod 700 ${folder}` } },
    ]);
  });
});
