import { afterEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { FilterSpec } from "../../src/core/filter/line-filter.ts";
import { type ChannelId, newChannelId, newProducerId } from "../../src/core/ids.ts";
import { histogramLimits } from "../../src/limits.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { type HistogramLimits, Histograms } from "../../src/tail/histograms.ts";
import { Recent } from "../../src/tail/recent.ts";
import { batchOf } from "../support/batches.ts";
import { octetCounted } from "../support/frames.ts";
import { openPatterns } from "../support/patterns.ts";
import { engines, openMemoryLog } from "./logs.ts";

class World {
  readonly channel: ChannelId = newChannelId();
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly histograms: Histograms;
  readonly patterns = openPatterns();
  /** Batches that were read of the log, apart from the ring. */
  reads = 0;
  #line = 0;

  constructor(log: ChannelLog, limits: Partial<HistogramLimits> = {}) {
    this.log = log;
    const counted: ChannelLog = {
      append: (...args) => log.append(...args),
      follow: (...args) => log.follow(...args),
      recent: (...args) => {
        if (args[2] !== undefined) this.reads++;
        return log.recent(...args);
      },
      lineAfter: (...args) => log.lineAfter(...args),
      destroy: (...args) => log.destroy(...args),
      close: () => log.close(),
    };
    const options = { historyLines: 20, expiryMs: 1e13, ringsBytesMax: 1 };
    this.recent = new Recent({ log, clock: realClock, ...options });
    this.histograms = new Histograms(
      { log: counted, recent: this.recent, clock: realClock, selector: this.patterns.selector },
      { ...histogramLimits, countMsMax: 60_000, ...limits },
    );
  }

  async append(texts: readonly string[], acceptedAtMs = Date.now()): Promise<void> {
    const batch = batchOf(texts, { producer: newProducerId(), firstLine: this.#line, acceptedAtMs });
    this.#line += texts.length;
    await this.log.append(this.channel, batch);
  }

  /** A line of each process. */
  async appendOf(processes: readonly string[], acceptedAtMs = Date.now()): Promise<void> {
    const bytes = Buffer.concat(
      processes.map((name) => octetCounted(`<190>1 2026-01-02T03:04:05.000006+00:00 host app ${name} - a`)),
    );
    const batch = batchOf(processes, { producer: newProducerId(), firstLine: this.#line, acceptedAtMs });
    this.#line += processes.length;
    await this.log.append(this.channel, { ...batch, bytes });
  }

  /** Sums of all bins. */
  async counts(filter: FilterSpec = {}, spanMs?: number) {
    const answer = await this.histograms.read(this.channel, filter, spanMs);
    const sums = { error: 0, warn: 0, info: 0, debug: 0 };
    for (const { counts } of answer.bins)
      for (const grade of ["error", "warn", "info", "debug"] as const) sums[grade] += counts[grade];
    return { ...sums, isWhole: answer.isWhole, endLine: answer.endLine };
  }

  async close(): Promise<void> {
    await this.recent.close();
    await this.patterns.close();
    await this.log.close();
  }
}

let world: World;
afterEach(() => world.close());

const minuteMs = 60_000;

describe.each(engines)("a histogram, on $engine,", ({ openLog }) => {
  test("counts all that is kept by what lines say, and then what came since, each line once", async () => {
    world = new World(await openLog());
    const nowMs = Date.now();
    for (let n = 0; n < 30; n++)
      await world.append(
        ["fine", "ERROR no", '{"level":"warn","msg":"x"}', "at=info path=/ status=503 bytes=1"],
        nowMs - (30 - n) * minuteMs,
      );
    const all = { error: 60, warn: 30, info: 30, debug: 0, isWhole: true, endLine: 120 };
    expect(await world.counts()).toEqual(all);
    const { reads } = world;
    await world.append(["fine", "Error R14 (Memory quota exceeded)"]);
    expect(await world.counts()).toEqual({ ...all, error: 61, info: 31, endLine: 122 });
    expect(await world.counts()).toEqual({ ...all, error: 61, info: 31, endLine: 122 });
    expect(world.reads).toBe(reads); // nothing is read a second time
  });

  test("leads from a bin to its lines", async () => {
    world = new World(await openLog());
    const nowMs = Date.now();
    for (let n = 0; n < 100; n++) await world.append([`line ${n}`], nowMs - (100 - n) * minuteMs);
    const { bins } = await world.histograms.read(world.channel, {}, undefined);
    const bin = bins.find(({ extent }) => extent !== undefined && extent.firstLine > 40)!;
    const { position, firstLine, endLine } = bin.extent!;
    const over = new AbortController();
    const lines: number[] = [];
    for await (const batch of world.log.follow(world.channel, { kind: "after", position }, over.signal)) {
      if (batch === "foreign") throw new Error("foreign");
      lines.push(batch.line);
      if (batch.line === endLine - 1) break;
    }
    expect(lines).toEqual(Array.from({ length: endLine - firstLine }, (_, n) => firstLine + n));
    expect(bin.counts.info).toBe(lines.length);
  });

  test("forgets lines that retention took", async () => {
    world = new World(await openLog({ retainLines: 50 }));
    const nowMs = Date.now();
    for (let n = 0; n < 50; n++) await world.append(["a"], nowMs - (200 - n) * minuteMs);
    expect(await world.counts()).toMatchObject({ info: 50 });
    for (let n = 50; n < 100; n++) await world.append(["a"], nowMs - (200 - n) * minuteMs);
    const { batches } = await world.log.recent(world.channel, 1_000);
    const kept = batches.reduce((sum, { count }) => sum + count, 0);
    const { info, isWhole } = await world.counts();
    expect(isWhole).toBe(true);
    expect(info).toBeGreaterThanOrEqual(kept);
    expect(info).toBeLessThanOrEqual(kept + 2); // a bin goes when all of its lines are gone
  });
});

test("a histogram of a filter counts what passes, one of a span what came in it", async () => {
  world = new World(await openMemoryLog());
  const nowMs = Date.now();
  for (let n = 0; n < 60; n++)
    await world.append([`request ${n % 10}`, "ERROR no"], nowMs - (60 - n) * minuteMs);
  expect(await world.counts({ match: "request [37]" })).toMatchObject({ error: 0, info: 12 });
  expect(await world.counts({ level: "err" })).toMatchObject({ error: 60, info: 0 });
  const lately = await world.counts({}, 10 * minuteMs);
  expect(lately.error).toBeGreaterThanOrEqual(9);
  expect(lately.error).toBeLessThanOrEqual(11);
});

test("an answer that had no time says so, and the next ones go on to the whole", async () => {
  world = new World(await openMemoryLog(), { countMsMax: 1 });
  const nowMs = Date.now();
  for (let n = 0; n < 400; n++) await world.append(Array(100).fill("x".repeat(200)), nowMs - n);
  const first = await world.counts();
  expect(first.isWhole).toBe(false);
  let last = first;
  for (let turn = 0; turn < 5_000 && !last.isWhole; turn++) last = await world.counts();
  expect(last).toMatchObject({ isWhole: true, info: 40_000 });
});

test("those who ask for the same at the same time share the work, and the least used is forgotten", async () => {
  world = new World(await openMemoryLog(), { entriesMax: 2 });
  for (let n = 0; n < 10; n++) await world.append(["a", "b"]);
  await Promise.all(Array.from({ length: 50 }, () => world.counts()));
  const { reads } = world;
  expect(reads).toBeLessThan(5);
  await world.counts({ sources: ["app"] });
  await world.counts({ sources: ["heroku"] });
  await world.counts();
  expect(world.reads).toBeGreaterThan(reads + 2); // counted anew
});

test("the processes of all counted lines are told, of trimmed ones not, and of too many those that wrote last", async () => {
  world = new World(await openMemoryLog({ retainLines: 30 }), { processesMax: 3 });
  const processes = async () => (await world.histograms.read(world.channel, {}, undefined)).processes;
  await world.appendOf(["web.1", "web.1", "worker.1"]);
  expect(await processes()).toEqual(["web.1", "worker.1"]);
  await world.appendOf(["web.2", "web.1", "run.7"]);
  expect(await processes()).toEqual(["run.7", "web.1", "web.2"]);
  for (let n = 0; n < 40; n++) await world.appendOf(["web.2"]);
  expect(await processes()).toEqual(["web.2"]);
  const { processes: of } = await world.histograms.read(world.channel, { dynos: ["run"] }, undefined);
  expect(of).toEqual([]);
});
