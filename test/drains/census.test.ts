/** The operator's figures of all drains together: what waits, how old it is, why it fails, and what looking costs. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ChannelId } from "../../src/core/ids.ts";
import { failureCauses } from "../../src/core/records/failure-cause.ts";
import { DrainCensus, type RunningDrain } from "../../src/drains/census.ts";
import { DrainHistories } from "../../src/drains/drain-histories.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { drainBacklogAge, drainBacklogLines, failingDrains } from "../../src/metrics.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { firstCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import { batchOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";

const everyMs = 15_000;
const retention = {
  ageMsMax: Number.POSITIVE_INFINITY,
  channelBytesMax: Number.POSITIVE_INFINITY,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: Number.POSITIVE_INFINITY,
};
const channelOf = (number: number): ChannelId => `app-${number}` as ChannelId;

let clock: FakeClock;
let engine: Engine;
let census: DrainCensus | undefined;
/** Reads of the log's end. */
let reads: ChannelId[];
let histories: DrainHistories;
let noted: string[];
let drains: RunningDrain[];

beforeEach(async () => {
  clock = new FakeClock();
  engine = await openMemory({ clock, retention });
  reads = [];
  noted = [];
  drains = [];
});
afterEach(async () => {
  await census?.close();
  await engine.close();
});

async function append(number: number, lines: number): Promise<void> {
  const { line } = (await engine.log.recent(channelOf(number), 0)).end;
  const rest = { firstLine: line, acceptedAtMs: clock.nowMs() };
  await engine.log.append(channelOf(number), batchOf(Array<string>(lines).fill("x"), rest));
}

async function drainOf(number: number, rest: Partial<RunningDrain> = {}): Promise<RunningDrain> {
  const { end } = await engine.log.recent(channelOf(number), 0);
  const checkpoint = firstCheckpoint({ start: end });
  return { id: `drain-${number}`, channel: channelOf(number), checkpoint, isIdle: false, ...rest };
}

function open(readsMax = 200): void {
  const log: ChannelLog = Object.assign(Object.create(engine.log) as ChannelLog, {
    recent: (channel: ChannelId, lines: number) => {
      reads.push(channel);
      return engine.log.recent(channel, lines);
    },
    follow: engine.log.follow.bind(engine.log),
  });
  const failures = { note: (work: string) => noted.push(work) };
  histories = new DrainHistories({ samplesMax: 3, drainsMax: 4 });
  const running = () => drains;
  census = new DrainCensus({ running, log, clock, failures, histories, everyMs, readsMax });
}

const backlog = async () => ({
  lines: (await drainBacklogLines.get()).values[0]!.value,
  ageSeconds: (await drainBacklogAge.get()).values[0]!.value,
});
const failingOf = async () =>
  Object.fromEntries(
    (await failingDrains.get()).values
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => [labels.cause, value]),
  );

test("the lines of all drains add up, and the oldest of them tells the age", async () => {
  drains = [await drainOf(1), await drainOf(2)];
  open();
  await append(1, 3);
  await clock.advance(5_000);
  await append(2, 4);
  await clock.advance(10_000);
  expect(await backlog()).toEqual({ lines: 7, ageSeconds: 15 });
  drains = [drains[1]!];
  await clock.advance(everyMs);
  expect(await backlog()).toEqual({ lines: 4, ageSeconds: 25 });
});

test("a drain at rest has nothing that waits and is not looked at", async () => {
  drains = [await drainOf(1, { isIdle: true })];
  open();
  await append(1, 3);
  reads = [];
  await clock.advance(everyMs);
  expect(await backlog()).toEqual({ lines: 0, ageSeconds: 0 });
  expect(reads).toEqual([]);
});

test("many are looked at in turn, so many in a round, and what was seen of the others grows older", async () => {
  drains = await Promise.all([1, 2, 3, 4, 5].map((number) => drainOf(number)));
  open(2);
  for (const number of [1, 2, 3, 4, 5]) await append(number, 10);
  reads = [];
  await clock.advance(everyMs);
  expect(reads).toEqual([channelOf(1), channelOf(2)]);
  expect(await backlog()).toEqual({ lines: 20, ageSeconds: 15 });
  await clock.advance(2 * everyMs);
  expect(new Set(reads).size).toBe(5);
  expect(await backlog()).toEqual({ lines: 50, ageSeconds: 45 });
});

test("failing drains are counted by cause; a cause of another version of the program is other", async () => {
  const failing = (cause?: string) => ({
    nextAttemptAt: "2024-05-01T10:00:00.000Z",
    ...(cause && { cause }),
  });
  const causes = [...failureCauses, "timeout", undefined, "of tomorrow"];
  drains = await Promise.all(
    causes.map(async (cause, number) => {
      const drain = await drainOf(number);
      return { ...drain, checkpoint: { ...drain.checkpoint, failing: failing(cause) as never } };
    }),
  );
  open();
  await clock.advance(everyMs);
  const one = Object.fromEntries(failureCauses.map((cause) => [cause, 1]));
  expect(await failingOf()).toEqual({ ...one, timeout: 2, other: 3 });
  drains = [];
  await clock.advance(everyMs);
  expect(await failingOf()).toEqual({});
});

test("a log that cannot be read is noted, and the next round goes on", async () => {
  drains = [await drainOf(1)];
  open();
  await append(1, 3);
  const { recent } = engine.log;
  engine.log.recent = () => Promise.reject(new Error("no"));
  await clock.advance(everyMs);
  expect(noted).toEqual(["census"]);
  engine.log.recent = recent.bind(engine.log);
  await clock.advance(everyMs);
  expect(await backlog()).toMatchObject({ lines: 3 });
});

test("each round takes a sample of every drain; the oldest gives way, and those beyond the bound have none", async () => {
  drains = await Promise.all([1, 2, 3, 4, 5].map((number) => drainOf(number, { isIdle: number === 2 })));
  open();
  for (let round = 1; round <= 5; round++) {
    await append(1, 10);
    await clock.advance(everyMs);
  }
  expect(histories.of("drain-1").map(({ lagLines }) => lagLines)).toEqual([30, 40, 50]);
  expect(histories.of("drain-2").map(({ lagLines }) => lagLines)).toEqual([0, 0, 0]);
  expect(histories.of("drain-5")).toEqual([]);
  drains = drains.slice(1);
  await clock.advance(2 * everyMs);
  expect(histories.of("drain-1")).toEqual([]);
  expect(histories.of("drain-5")).toHaveLength(2);
});

test("a sample's rate is of the lines that were sent since the sample before, and 0 when none was", async () => {
  const drain = await drainOf(1);
  const sentOf = (delivered: number, replayed = 0): void => {
    drains = [
      {
        ...drain,
        checkpoint: {
          ...drain.checkpoint,
          delivered,
          replayed,
          rate: { perSecond: 99, atMs: clock.nowMs() },
        },
      },
    ];
  };
  sentOf(500);
  open();
  await clock.advance(everyMs);
  const perSecond = (lines: number) => Math.round((100 * lines * 1_000) / everyMs) / 100;
  for (const [delivered, replayed] of [
    [530, 0],
    [530, 60],
    [530, 60],
  ] as const) {
    sentOf(delivered, replayed);
    await clock.advance(everyMs);
  }
  expect(histories.of("drain-1").map(({ rate }) => rate)).toEqual([perSecond(30), perSecond(60), 0]);
});
