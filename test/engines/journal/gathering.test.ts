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

test("a line is stored before large batches that came before it, which go with every other commit", async () => {
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
  expect(happened[0]).toBe("line 1");
  expect(happened.slice(1).sort()).toEqual(["large 2", "large 3", "line 2"]);
});
