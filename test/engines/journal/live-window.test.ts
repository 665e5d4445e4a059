import { expect, test } from "vitest";
import type { StoredBatch } from "../../../src/core/batch/batch.ts";
import type { Channel } from "../../../src/engines/journal/channel.ts";
import { Follower, LiveChannel } from "../../../src/engines/journal/live.ts";
import { LiveWindow, windowBytesMax } from "../../../src/engines/journal/live-window.ts";
import type { Reader } from "../../../src/engines/journal/reader.ts";
import { batchOf, batchOfBytes, textsOf } from "../../support/batches.ts";

const channel = { line: 0 } as Channel;
/** Segments that nobody comes for here. */
const reader = {
  read: () => Promise.reject(new Error("the segments were read")),
} as unknown as Reader;

function world() {
  const window = new LiveWindow();
  const live = new LiveChannel(reader, window, channel, () => {});
  let line = 0;
  const publish = (batch = batchOf([`line ${line}`])) => {
    const stored: StoredBatch = { ...batch, sequence: line, line, incarnation: "i" };
    line += batch.count;
    live.publish(channel, stored);
    return stored;
  };
  const ends = new AbortController();
  const follow = (from = 0) => new Follower(live, { line: from }, ends.signal);
  return { window, live, publish, follow };
}

const textOf = async (follower: Follower): Promise<string> => {
  const { value } = await follower.next();
  return textsOf(value as StoredBatch)[0]!;
};

test("a batch leaves the window when all who follow have it", async () => {
  const { window, publish, follow } = world();
  const [one, other] = [follow(), follow()];
  for (let i = 0; i < 3; i++) publish();
  expect(await textOf(one)).toBe("line 0");
  expect(await textOf(one)).toBe("line 1");
  const all = window.bytes;
  expect(await textOf(other)).toBe("line 0");
  expect(window.bytes).toBe((all / 3) * 2);
  expect(await textOf(other)).toBe("line 1");
  expect(await textOf(other)).toBe("line 2");
  expect(window.bytes).toBe(all / 3);
  expect(await textOf(one)).toBe("line 2");
  expect(window.bytes).toBe(0);
});

test("one who waits is handed the batch, which stays for those who are busy", async () => {
  const { window, publish, follow } = world();
  const [one, busy] = [follow(), follow()];
  const next = one.next();
  const batch = publish();
  expect((await next).value).toBe(batch);
  expect(window.bytes).toBeGreaterThan(0);
  expect((await busy.next()).value).toBe(batch);
  expect(window.bytes).toBe(0);
});

test("with many followers batches stay, and are there for each", async () => {
  const { window, publish, follow } = world();
  const followers = Array.from({ length: 20 }, () => follow());
  publish();
  for (const follower of followers) expect(await textOf(follower)).toBe("line 0");
  expect(window.bytes).toBeGreaterThan(0);
});

test("over its bound the oldest go, whosever they are, and all of a channel goes with its last follower", async () => {
  const { window, publish, follow } = world();
  const slow = follow();
  const bytes = windowBytesMax / 8;
  for (let i = 0; i < 20; i++) publish(batchOfBytes(bytes));
  expect(window.bytes).toBeLessThanOrEqual(windowBytesMax);
  expect(window.bytes).toBeGreaterThan(windowBytesMax - 2 * bytes);
  await expect(slow.next()).rejects.toThrow("the segments were read");
  slow.end();
  expect(window.bytes).toBe(0);
});
