/** The journal on a real folder: what it keeps, what it gives back, what it costs. */
import { mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { encodedBytes } from "../../../src/core/batch/batch.ts";
import { origin } from "../../../src/core/position.ts";
import type { Retention } from "../../../src/engines/engine.ts";
import { folderDisk } from "../../../src/engines/journal/disk.ts";
import { type OpenJournal, openJournal } from "../../../src/engines/journal/open.ts";
import { Segment } from "../../../src/engines/journal/segment.ts";
import type { From } from "../../../src/ports.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { batchOf, batchOfBytes, channelOf, takeLines, textsOf } from "../../support/batches.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { until } from "../../support/until.ts";

const app = channelOf(1);
const start: From = { kind: "after", position: origin };
const small = 64 * 1024;

/** A name as the door makes it, and what an entry holds beside its lines at least. */
const id = (number: number) => String(number).padStart(22, "0");
const entryNamesBytes = 60 + id(0).length;

let folder: string;
let clock: FakeClock;
let stop: AbortController;
let journal: OpenJournal;

const open = async (retention: Partial<Retention> = {}, segmentBytes = small) => {
  journal = await openJournal({
    disk: folderDisk(folder),
    clock,
    retention: { ...keepsAll, ...retention },
    segmentBytes,
  });
  return journal.log;
};
const folderBytes = async () => {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    bytes += await stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
};
const recentTexts = async () =>
  (await journal.log.recent(app, Number.POSITIVE_INFINITY)).batches.flatMap(textsOf);
/** Time passes until `holds`. */
const inTime = (holds: () => Promise<boolean>) =>
  until(async () => {
    await clock.advance(1000);
    return holds();
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-journal-"));
  clock = new FakeClock();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await journal.close();
  await rm(folder, { recursive: true });
});

test("channels take turns in commits: a line goes with the next one, whatever came before it from another app", async () => {
  const log = await open({}, 64 * 1024 * 1024);
  const other = channelOf(2);
  const order: string[] = [];
  const many = Array.from({ length: 20 }, async (_, n) => {
    await log.append(app, batchOfBytes(500_000, { firstLine: n }));
    order.push(`large ${n}`);
  });
  const one = log.append(other, batchOf(["a line"])).then(() => order.push("a line"));
  await Promise.all([...many, one]);
  expect(order.filter((name) => name !== "a line")).toEqual(
    Array.from({ length: 20 }, (_, n) => `large ${n}`),
  );
  expect(order.indexOf("a line")).toBeLessThan(2);
});

describe("opened again", () => {
  test("it goes on where it was, after an orderly end as after none", async () => {
    let log = await open();
    const { position } = await log.append(app, batchOf(["a", "b"]));
    await log.append(app, batchOf(["c"], { firstLine: 2 }));
    await journal.close();
    log = await open();
    await log.append(app, batchOf(["d"], { firstLine: 3 }));
    const index = (await readdir(folder)).find((name) => name.endsWith(".index"))!;
    await journal.close();
    await rm(join(folder, index));
    log = await open();
    const rest = await takeLines(log.follow(app, { kind: "after", position }, stop.signal), 2);
    expect(rest.map(({ line }) => line)).toEqual([2, 3]);
  });

  test("a channel that was trimmed to nothing keeps its line numbers and its place", async () => {
    let log = await open({ ageMsMax: 1000 });
    const { position } = await log.append(app, batchOf(["a", "b"], { acceptedAtMs: clock.nowMs() }));
    const { end } = await log.recent(app, 1);
    await clock.advance(5000);
    await inTime(async () => (await recentTexts()).length === 0);
    for (let i = 0; i < 3; i++) {
      await journal.close();
      log = await open({ ageMsMax: 1000 });
      expect((await log.recent(app, 1)).end).toEqual(end);
    }
    const next = takeLines(log.follow(app, { kind: "after", position }, stop.signal), 1);
    await log.append(app, batchOf(["c"], { firstLine: 2 }));
    expect(await next).toMatchObject([{ line: 2 }]);
  });

  test("the bytes of a channel are known without reading it", async () => {
    const channelBytesMax = 5 * encodedBytes(batchOf(["0"]));
    let log = await open({ channelBytesMax });
    for (let i = 0; i < 5; i++) await log.append(app, batchOf([String(i)]));
    await journal.close();
    log = await open({ channelBytesMax });
    await log.append(app, batchOf(["5"]));
    await inTime(async () => (await recentTexts()).join("") === "12345");
  });

  test("the names of the last requests are known, from the segments and from their indexes", async () => {
    let log = await open();
    const named = (id: string) =>
      log.append(app, batchOf([id.padEnd(20_000)], { dedupId: id, acceptedAtMs: clock.nowMs() }));
    for (let i = 0; i < 10; i++) await named(`request-${i}`);
    for (let i = 0; i < 2; i++) {
      await journal.close();
      log = await open();
      for (let id = 0; id < 10; id++) expect((await named(`request-${id}`)).repeated).toBe(true);
    }
  });

  test("a segment holds a name for each of its batches, as many as it has room for, until its index is written", async () => {
    const seen = new Set<Segment>();
    let most = 0;
    const { append } = Segment.prototype;
    const spy = vi.spyOn(Segment.prototype, "append").mockImplementation(function (this: Segment, ...given) {
      seen.add(this);
      most = Math.max(most, this.dedupIds.length);
      return append.apply(this, given);
    });
    onTestFinished(() => spy.mockRestore());
    const log = await open();
    for (let sent = 0; sent < 1_000; sent++) await log.append(app, batchOf(["x"], { dedupId: id(sent) }));
    const segments = [...seen];
    const { length: smallest } = batchOf(["x"]).bytes;
    expect(segments.length).toBeGreaterThan(2);
    expect(most).toBeGreaterThan(200);
    expect(most).toBeLessThan(small / (smallest + entryNamesBytes));
    await inTime(async () => segments.slice(0, -1).every(({ dedupIds }) => dedupIds.length === 0));
  });

  test("an end that is no whole commit is taken off, and told as what it may be", async () => {
    const log = await open();
    await log.append(app, batchOf(["a"]));
    await log.append(app, batchOf(["b"], { firstLine: 1 }));
    await journal.close();
    const segment = join(folder, "0000000001.log");
    await truncate(segment, (await stat(segment)).size - 3);
    const logged: [fields: object, text: string][] = [];
    const logger = {
      warn: (fields: object, text: string) => logged.push([fields, text]),
      debug: () => {}, // an index that was written meanwhile is made again
    } as unknown as Logger;
    journal = await openJournal({
      disk: folderDisk(folder),
      clock,
      retention: keepsAll,
      segmentBytes: small,
      logger,
    });
    expect(await recentTexts()).toEqual(["a"]);
    expect(logged).toEqual([[expect.objectContaining({ segment: 1, commit: 2 }), expect.any(String)]]);
    expect(logged[0]![1]).toMatch(/a stop amid a write leaves one, and nobody was answered/);
    expect(logged[0]![1]).toMatch(/cut or damaged since, and lines that were stored are gone/);
  });

  test("an index that is damaged, cut or of another segment is made again", async () => {
    let log = await open();
    for (let i = 0; i < 12; i++) await log.append(app, batchOf([`${i}`.padEnd(20_000)]));
    await journal.close();
    const indexes = (await readdir(folder)).filter((name) => name.endsWith(".index")).sort();
    expect(indexes.length).toBeGreaterThan(2);
    const disk = folderDisk(folder);
    await disk.replace(indexes[0]!, [Buffer.from("no index")]);
    await disk.replace(indexes[1]!, [Buffer.alloc(0)]);
    log = await open();
    expect((await log.recent(app, 99)).batches).toHaveLength(12);
  });
});

describe("room", () => {
  test("the room of what is trimmed, and of destroyed channels, goes back to the disk", async () => {
    const log = await open({ channelBytesMax: 200_000 });
    for (let i = 0; i < 100; i++) {
      await log.append(app, batchOfBytes(20_000));
      await log.append(channelOf(2), batchOfBytes(20_000));
    }
    await log.destroy(channelOf(2));
    await inTime(async () => (await folderBytes()) < 700_000);
    expect((await log.recent(app, Number.POSITIVE_INFINITY)).batches.length).toBeGreaterThan(7);
  });

  test("the little that quiet channels keep is carried forward, and read from its new place", async () => {
    const log = await open({ channelBytesMax: 100_000 });
    for (let i = 0; i < 30; i++) {
      const quiet = i < 10 ? [log.append(channelOf(10 + i), batchOf([`quiet ${i}`]))] : [];
      await Promise.all([...quiet, log.append(app, batchOfBytes(50_000))]);
    }
    await inTime(async () => {
      const { bytes, liveBytes } = journal.room();
      return bytes < 2 * liveBytes + 4 * small;
    });
    for (let i = 0; i < 10; i++) {
      expect((await log.recent(channelOf(10 + i), 9)).batches.flatMap(textsOf)).toEqual([`quiet ${i}`]);
    }
    await journal.close();
    await open({ channelBytesMax: 100_000 });
    for (let i = 0; i < 10; i++) {
      expect((await journal.log.recent(channelOf(10 + i), 9)).batches.flatMap(textsOf)).toEqual([
        `quiet ${i}`,
      ]);
    }
  });

  test("a limit of all bytes bounds the folder under a steady flow", async () => {
    const log = await open({ totalBytesMax: 2_000_000 });
    for (let i = 0; i < 60; i++) {
      const write = (channel: number) =>
        log.append(channelOf(channel), batchOfBytes(20_000, { acceptedAtMs: clock.nowMs() }));
      await Promise.all(Array.from({ length: 10 }, (_, channel) => write(channel)));
      await clock.advance(60_000);
    }
    await inTime(async () => (await folderBytes()) < 2_200_000);
    expect((await log.recent(channelOf(0), 1)).batches).toHaveLength(1);
  });
});

describe("readers", () => {
  test("one that is behind goes on while segments are removed under it, and counts what it missed", async () => {
    const log = await open({ channelBytesMax: 300_000 });
    await log.append(app, batchOfBytes(20_000));
    const reader = log.follow(app, start, stop.signal)[Symbol.asyncIterator]();
    await reader.next();
    for (let i = 0; i < 40; i++) {
      await log.append(app, batchOfBytes(20_000));
      if (i % 10 === 0) await clock.advance(1000);
    }
    await inTime(async () => (await folderBytes()) < 800_000);
    const { line: end } = (await log.recent(app, 1)).end;
    const seen: number[] = [];
    while (seen.at(-1) !== end - 1) {
      const { value } = await reader.next();
      if (value !== undefined && value !== "foreign") seen.push(value.line);
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.length).toBe(end - seen[0]!);
  });

  test("a batch that was read stays as it is while the log goes on", async () => {
    const log = await open({ channelLinesMax: 20 });
    for (let i = 0; i < 10; i++) await log.append(app, batchOf([`${i}`.repeat(2000 + i * 500)]));
    const read = await takeLines(log.follow(app, start, stop.signal), 10);
    for (let i = 0; i < 60; i++) await log.append(app, batchOf(["z".repeat(60_000)]));
    await clock.advance(3000);
    const right = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(2000 + i * 500));
    expect(read.map((batch) => textsOf(batch)[0])).toEqual(right);
  });
});
