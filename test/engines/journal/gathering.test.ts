/** When a commit begins, and what it takes. Where commits are frequent it waits while each turn of the event loop brings more work, and no longer than its bound. */
import { afterEach, expect, test, vi } from "vitest";
import { openJournal } from "../../../src/engines/journal/open.ts";
import { keepsAll } from "../../contract/channel-log.ts";
import { CountingDisk } from "../../cost/counting.ts";
import { batchOf, batchOfBytes, channelOf } from "../../support/batches.ts";
import { FakeClock } from "../../support/fake-clock.ts";

afterEach(() => vi.restoreAllMocks());

/** `busy`: with as many commits as make it gather. */
async function open(busy = true) {
  const disk = new CountingDisk();
  const { log } = await openJournal({ disk, clock: new FakeClock(), retention: keepsAll });
  for (let n = 0; n < (busy ? 4 : 1); n++) await log.append(channelOf(0), batchOf(["first"])); // begins the segment
  const before = disk.writes;
  return { log, commits: () => disk.writes - before };
}

/** Appends a batch in each of this many successive turns of the event loop. Resolves when all are stored. */
function inTurns(log: Awaited<ReturnType<typeof open>>["log"], turns: number): Promise<unknown> {
  const appends: Promise<unknown>[] = [];
  return new Promise((resolve) => {
    const turn = (left: number) => {
      if (left > 1) setImmediate(turn, left - 1); // before the journal looks in that turn
      appends.push(log.append(channelOf(left), batchOf([`line ${left}`])));
      if (left === 1) resolve(Promise.all(appends));
    };
    turn(turns);
  });
}

test("what comes alone is a commit of its own, at once", async () => {
  const { log, commits } = await open();
  await log.append(channelOf(1), batchOf(["one"]));
  await log.append(channelOf(2), batchOf(["two"]));
  expect(commits()).toBe(2);
});

test("what comes turn by turn goes together", async () => {
  vi.spyOn(performance, "now").mockReturnValue(1_000);
  const { log, commits } = await open();
  await inTurns(log, 10);
  expect(commits()).toBe(1);
});

test("for no longer than a millisecond, whatever comes", async () => {
  let nowMs = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => {
    nowMs += 0.3;
    return nowMs;
  });
  const { log, commits } = await open();
  await inTurns(log, 40);
  expect(commits()).toBeGreaterThanOrEqual(5);
});

test("what is full already waits for nothing that comes", async () => {
  vi.spyOn(performance, "now").mockReturnValue(1_000);
  const { log } = await open();
  const appends: Promise<unknown>[] = [];
  let isStored = false;
  appends.push(log.append(channelOf(1), batchOfBytes(512 * 1024)).then(() => (isStored = true)));
  let turns = 0;
  await new Promise<void>((resolve) => {
    const turn = () => {
      appends.push(log.append(channelOf(2), batchOf([`line ${turns}`])));
      if (isStored || ++turns === 100) resolve();
      else setImmediate(turn);
    };
    setImmediate(turn);
  });
  await Promise.all(appends);
  expect(turns).toBeLessThan(100);
});

test("where commits are rare, what comes is stored in the turn in which it came", async () => {
  const { log } = await open(false);
  const happened: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      void log.append(channelOf(1), batchOf(["one"])).then(() => happened.push("stored"));
      setImmediate(() => {
        happened.push("next turn");
        resolve();
      });
    });
  });
  expect(happened).toEqual(["stored", "next turn"]);
});

test("lines are stored before large batches of another app that came before them", async () => {
  const { log, commits } = await open();
  const happened: string[] = [];
  const append = (name: string, bytes: number) =>
    log.append(channelOf(name.length), batchOfBytes(bytes)).then(() => happened.push(`${name} ${commits()}`));
  await Promise.all([
    append("large", 300_000),
    append("large", 300_000),
    append("line", 200),
    append("line", 200),
  ]);
  expect(happened).toEqual(["line 1", "line 1", "large 2", "large 3"]);
});

test("lines that wait in great number are one commit where nothing large waits", async () => {
  const { log, commits } = await open();
  const batches = Array.from({ length: 800 }, (_, n) => log.append(channelOf(n % 3), batchOfBytes(200)));
  await Promise.all(batches);
  expect(commits()).toBe(1);
});

test("many lines of one app are stored before a large batch of another", async () => {
  const { log, commits } = await open();
  const large = log.append(channelOf(1), batchOfBytes(300_000)).then(commits);
  const lines = Array.from({ length: 100 }, () => log.append(channelOf(2), batchOfBytes(200)).then(commits));
  expect(new Set(await Promise.all(lines))).toEqual(new Set([1]));
  expect(await large).toBe(2);
});

test("large batches go with every other commit while lines come without an end", async () => {
  const { log, commits } = await open();
  let left = 2;
  const large = Array.from({ length: left }, (_, n) =>
    log.append(channelOf(n), batchOfBytes(300_000)).finally(() => left--),
  );
  const lines = async () => {
    while (left > 0) await log.append(channelOf(9), batchOfBytes(200));
  };
  await Promise.all([...large, lines(), lines()]);
  expect(commits()).toBeLessThanOrEqual(5);
});
