/** What the embedded engine promises beyond the contract. */
import { cp, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open as openEnvironment } from "lmdb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodedBytes } from "../../src/core/batch/batch.ts";
import { origin, type Position, positionAt } from "../../src/core/position.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import type { Engine, Retention } from "../../src/engines/engine.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, batchOfBytes, channelOf, takeFollowed, takeLines, textsOf } from "../support/batches.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";

const app = channelOf(1);
const start = { kind: "after", position: origin } as const;

let folder: string;
let clock: FakeClock;
let engine: Engine;
let stop: AbortController;

const open = async (retention: Partial<Retention> = {}) => {
  engine = await openEmbedded({ folder, clock, retention: { ...keepsAll, ...retention } });
  return engine.log;
};
const binary = { encoding: "binary", keyEncoding: "binary" } as const;
const fileBytes = async () => (await stat(join(folder, "data.mdb"))).size;

beforeEach(async () => {
  // A folder's name may look like a file's.
  folder = join(await mkdtemp(join(tmpdir(), "tailrace-lmdb-")), "data.d");
  clock = new FakeClock();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await engine.close();
  await rm(join(folder, ".."), { recursive: true });
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
/** Bytes that the process holds when nothing is left to collect. */
const held = async () => {
  for (let i = 0; i < 3; i++) {
    await settled();
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsed, all: heapUsed + external };
};

describe("after it was opened again", () => {
  test("the log goes on where it was: positions, lines, records and their revisions", async () => {
    let log = await open();
    const { position } = await log.append(app, batchOf(["a", "b"]));
    await log.append(app, batchOf(["c"]));
    const revision = (await engine.store.put("app/1", "one", 0))!;
    const removed = (await engine.store.put("app/2", "two", 0))!;
    await engine.store.put("app/2", undefined, removed);
    await engine.close();
    log = await open();
    await log.append(app, batchOf(["d"]));
    const rest = await takeLines(log.follow(app, { kind: "after", position }, stop.signal), 2);
    expect(rest.map(({ line }) => line)).toEqual([2, 3]);
    expect(await engine.store.get("app/1")).toMatchObject({ value: "one", revision });
    expect(await engine.store.put("app/2", "again", 0)).toBeGreaterThan(removed + 1);
  });

  test("all who read a large batch hold one copy of it", async () => {
    const log = await open();
    await log.append(app, batchOfBytes(300_000));
    await log.append(app, batchOfBytes(300));
    await engine.close();
    const again = await open();
    const read = async () => (await again.recent(app, 2)).batches;
    const [[first], [second, small], [third, other]] = await Promise.all([read(), read(), read()]);
    expect([second, third]).toEqual([first, first]);
    expect(second === first && third === first).toBe(true);
    expect(other === small).toBe(false); // small ones cost more to find again than to read
    expect((await takeLines(again.follow(app, start, stop.signal), 1))[0] === first).toBe(true);
  });

  test("a channel that was trimmed to nothing keeps its line numbers", async () => {
    let log = await open({ ageMsMax: 1000 });
    await log.append(app, batchOf(["a", "b"], { acceptedAtMs: clock.nowMs() }));
    const { end } = await log.recent(app, 1);
    await clock.advance(5000);
    await until(async () => {
      await clock.advance(100);
      return (await log.recent(app, 1)).batches.length === 0;
    });
    await engine.close();
    log = await open();
    expect((await log.recent(app, 1)).end).toEqual(end);
    await log.append(app, batchOf(["c"]));
    expect((await log.recent(app, 1)).batches).toMatchObject([{ line: 2 }]);
  });

  test("the bytes of a channel are known without reading it", async () => {
    const channelBytesMax = 5 * encodedBytes(batchOf(["0"]));
    let log = await open({ channelBytesMax });
    for (let i = 0; i < 5; i++) await log.append(app, batchOf([String(i)]));
    await engine.close();
    log = await open({ channelBytesMax });
    await log.append(app, batchOf(["5"]));
    await until(async () => {
      await clock.advance(100);
      return (await log.recent(app, 99)).batches.flatMap(textsOf).join("") === "12345";
    });
  });

  test("a channel's destruction that was under way is finished", async () => {
    let log = await open();
    await Promise.all(Array.from({ length: 500 }, () => log.append(app, batchOfBytes(20_000))));
    await log.destroy(app);
    await engine.close();
    log = await open({ totalBytesMax: 1 });
    expect((await log.recent(app, 1)).batches).toEqual([]);
    await until(async () => {
      await clock.advance(1000);
      return clock.sleeping > 0;
    });
  });
});

describe("a start at a time of day that is wrong", () => {
  const dayMs = 86_400_000;

  test.each([8 * dayMs, -2 * dayMs])(
    "by %d ms trims nothing for an hour, and stores a repeat once",
    async (jumpMs) => {
      const retention = { ageMsMax: 7 * dayMs };
      let log = await open(retention);
      const write = (dedupId: string) =>
        log.append(app, batchOf([dedupId], { dedupId, acceptedAtMs: clock.nowMs() }));
      await write("a");
      await clock.advance(120_000); // a tick, or the next append, writes down what time it is
      await write("b");
      await engine.close();
      clock.jump(jumpMs);
      log = await open(retention);
      await clock.advance(3_000_000);
      expect((await log.recent(app, 9)).batches.flatMap(textsOf)).toEqual(["a", "b"]);
      await engine.close();
      log = await open(retention);
      expect((await write("b")).repeated).toBe(false); // 50 minutes have passed
      expect((await write("b")).repeated).toBe(true);
      await engine.close();
      clock.jump(-2 * jumpMs);
      log = await open(retention);
      expect((await write("b")).repeated).toBe(true);
      expect((await log.recent(app, 9)).batches.flatMap(textsOf)).toEqual(["a", "b", "b"]);
    },
  );

  test("remembers an id for 10 minutes of its own time, stops not counted", async () => {
    let log = await open();
    const write = () => log.append(app, batchOf(["a"], { dedupId: "id" }));
    await write();
    for (let start = 0; start < 4; start++) {
      await clock.advance(120_000);
      await engine.close();
      clock.jump(86_400_000); // stopped for a day
      log = await open();
      expect((await write()).repeated).toBe(true);
    }
    await clock.advance(20 * 60_000);
    expect((await write()).repeated).toBe(false);
  });
});

describe("a folder that was restored from a copy", () => {
  /** What a reader at `position` is handed, `count` things of it. */
  const followed = (log: ChannelLog, position: Position, count: number) =>
    takeFollowed(log.follow(app, { kind: "after", position }, stop.signal), count);

  test("knows the places up to the copy, and tells those that it lost, before and after others are there", async () => {
    let log = await open();
    let firstLine = 0;
    const append = async (text: string) =>
      (await log.append(app, batchOf([text], { firstLine: firstLine++ }))).position;
    const shared = [await append("a"), await append("b")];
    await engine.close();
    await cp(folder, `${folder}.copy`, { recursive: true });
    log = await open();
    const lost = [await append("c"), await append("d")];
    await engine.close();
    await rm(folder, { recursive: true });
    await rename(`${folder}.copy`, folder);

    log = await open();
    expect(await followed(log, shared[0]!, 1)).toEqual([["b"]]);
    for (const position of lost) expect(await followed(log, position, 3)).toEqual(["foreign", ["a"], ["b"]]);
    for (const text of ["x", "y", "z"]) await append(text);
    expect(await followed(log, shared[1]!, 3)).toEqual([["x"], ["y"], ["z"]]);
    for (const position of lost) expect(await followed(log, position, 3)).toEqual(["foreign", ["a"], ["b"]]);
  });

  test("of a version that named no log gives names from then on, and takes the places of before", async () => {
    let log = await open();
    await log.append(app, batchOf(["a", "b"]));
    await engine.close();
    const root = openEnvironment<Buffer, Buffer>({ path: folder, noSubdir: false, maxDbs: 12, ...binary });
    await root.openDB({ name: "meta", ...binary }).remove(Buffer.from("log-id"));
    await root.close();
    log = await open();
    await log.append(app, batchOf(["c"], { firstLine: 2 }));
    expect(await followed(log, positionAt(0, 2), 1)).toEqual([["c"]]);
    const [first] = (await log.recent(app, 1)).batches;
    expect(first!.incarnation).toMatch(/^[0-9a-z]{7}$/);
  });
});

describe("room", () => {
  test("the room of destroyed channels is used again", async () => {
    const log = await open();
    const fill = async (channel: number) => {
      for (let i = 0; i < 10; i++) {
        await Promise.all(
          Array.from({ length: 20 }, () => log.append(channelOf(channel), batchOfBytes(20_000))),
        );
      }
      await log.destroy(channelOf(channel));
      await clock.advance(3000);
    };
    await fill(1);
    await fill(2);
    const before = await fileBytes();
    for (let channel = 3; channel < 9; channel++) await fill(channel);
    expect(await fileBytes()).toBeLessThan(before * 1.5);
  });

  test("trimming keeps up with a channel's appends while they come", async () => {
    const log = await open({ channelBytesMax: 1_000_000 });
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 200 }, () => log.append(app, batchOfBytes(20_000))));
    }
    // What the last transactions added is trimmed by the tick.
    const held = async () => (await log.recent(app, Infinity)).batches.length;
    expect(await held()).toBeLessThan(500);
    await until(async () => {
      await clock.advance(100);
      return (await held()) <= 50;
    });
  });

  test("a limit of all bytes bounds the file under a steady flow", async () => {
    const log = await open({ totalBytesMax: 4_000_000 });
    for (let i = 0; i < 150; i++) {
      await Promise.all(
        Array.from({ length: 10 }, (_, channel) =>
          log.append(channelOf(channel), batchOfBytes(20_000, { acceptedAtMs: clock.nowMs() })),
        ),
      );
      await clock.advance(60_000);
    }
    expect(await fileBytes()).toBeLessThan(8_000_000);
    expect((await log.recent(channelOf(0), 1)).batches).toHaveLength(1);
  });
});

describe("what followers cost", () => {
  test("an idle follower holds less than 4 kB", async () => {
    const log = await open();
    await log.append(app, batchOf(["a"]));
    const count = 10_000;
    const signals = Array.from({ length: count }, () => new AbortController());
    const before = await held();
    const waiting = signals.map(({ signal }, i) =>
      log
        .follow(channelOf(i % 100), { kind: "now" }, signal)
        [Symbol.asyncIterator]()
        .next(),
    );
    const each = ((await held()).heapUsed - before.heapUsed) / count;
    for (const controller of signals) controller.abort();
    await Promise.all(waiting);
    expect(each).toBeGreaterThan(200);
    expect(each).toBeLessThan(4000);
  });

  test("followers that do not read cost the same however much is appended", async () => {
    const log = await open();
    const idle = Array.from({ length: 50 }, () =>
      log.follow(app, start, stop.signal)[Symbol.asyncIterator](),
    );
    await log.append(app, batchOf(["a"]));
    await Promise.all(idle.map((follower) => follower.next()));
    const append = async () => {
      for (let i = 0; i < 20; i++) {
        await Promise.all(Array.from({ length: 100 }, () => log.append(app, batchOfBytes(20_000))));
      }
    };
    await append();
    const before = await held();
    await append();
    await append();
    expect((await held()).all - before.all).toBeLessThan(8_000_000);
    let line = 0;
    for (let i = 0; i < 5000; i++) line = (await idle[0]!.next()).value!.line;
    expect(line).toBe(5000);
  });

  test("a batch that was read stays as it is while the store goes on", async () => {
    const log = await open({ channelLinesMax: 20 });
    for (let i = 0; i < 10; i++) await log.append(app, batchOf([`${i}`.repeat(20_000 + i * 5000)]));
    const read = await takeLines(log.follow(app, start, stop.signal), 10);
    for (let i = 0; i < 60; i++) await log.append(app, batchOf(["z".repeat(60_000)]));
    await log.recent(app, 20);
    expect(read.map((batch) => textsOf(batch)[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i}`.repeat(20_000 + i * 5000)),
    );
  });

  test("a reader of much history lets timers run", async () => {
    const log = await open();
    await Promise.all(Array.from({ length: 500 }, () => log.append(app, batchOfBytes(20_000))));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    // However fast it is, it never goes on for long without a pause.
    for (let readings = 0; ticks < 3 && readings < 500; readings++)
      await takeLines(log.follow(app, start, stop.signal), 500);
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(3);
  });
});
