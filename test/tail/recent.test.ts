import { afterEach, describe, expect, test } from "vitest";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { type ChannelId, newChannelId, newProducerId } from "../../src/core/ids.ts";
import { origin, positionAt } from "../../src/core/position.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { type History, Recent, type RecentOptions } from "../../src/tail/recent.ts";
import { textsOf } from "../support/batches.ts";
import { LendingLog } from "../support/lending-log.ts";
import { openMemoryLog } from "./logs.ts";

const nowMs = 1_800_000_000_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => 0, async sleep() {} };
const producer = newProducerId();

let log: ChannelLog;
let recent: Recent;
/** Calls of `recent`, by channel. */
let fills: ChannelId[];

async function open(
  options: Partial<RecentOptions> = {},
  lending: (log: ChannelLog) => ChannelLog = (log) => log,
): Promise<void> {
  const inner = lending(await openMemoryLog({ clock }));
  fills = [];
  log = {
    append: (...args) => inner.append(...args),
    follow: (...args) => inner.follow(...args),
    lineAfter: (...args) => inner.lineAfter(...args),
    destroy: (...args) => inner.destroy(...args),
    close: () => inner.close(),
    recent: (channel, lines) => {
      fills.push(channel);
      return inner.recent(channel, lines);
    },
  };
  recent = new Recent({ log, clock, historyLines: 10, expiryMs: 1000, ringsBytesMax: 1 << 20, ...options });
}
afterEach(async () => {
  await recent.close();
  await log.close();
});

async function append(channel: ChannelId, lines: number, { bytes = 10, ageMs = 0 } = {}): Promise<void> {
  const canoniser = new Canoniser("app");
  const frame = Buffer.from(`<190>1 - h app web.1 - - ${"x".repeat(bytes)}`);
  for (let n = 0; n < lines; n++) canoniser.add(frame, 0, frame.length, 0);
  await log.append(channel, { ...canoniser.take(), producer, firstLine: 0, acceptedAtMs: nowMs - ageMs });
}

const lineNumbers = ({ batches }: History) => batches.map(({ line, count }) => [line, count]);
const channel = newChannelId();

describe("the recent ring", () => {
  test("gives memory back that is used again, and has its lines in memory of its own", async () => {
    let lending!: LendingLog;
    await open({ historyLines: 100 }, (log) => (lending = new LendingLog(log)));
    await recent.read(channel);
    for (let lines = 1; lines < 5; lines++) await append(channel, lines);
    await expect.poll(async () => (await recent.read(channel)).end.line).toBe(10);
    expect({ lent: lending.lent, returned: lending.returned }).toEqual({ lent: 4, returned: 4 });
    const { batches } = await recent.read(channel);
    expect(batches.flatMap(textsOf)).toEqual(Array(10).fill("x".repeat(10)));
    expect(batches.map(({ memory }) => memory)).toEqual(Array(4).fill(undefined));
  });

  test("shows no lines that are too old, and all others where some came while the clock was far behind", async () => {
    await open();
    await append(channel, 1, { ageMs: 2000 });
    await append(channel, 2);
    await append(channel, 3, { ageMs: 50 * 365 * 86_400_000 });
    await append(channel, 1);
    await expect.poll(async () => (await recent.read(channel)).end.line).toBe(7);
    expect(lineNumbers(await recent.read(channel))).toEqual([
      [1, 2],
      [3, 3],
      [6, 1],
    ]);
  });

  test("goes on, and what was read of it stays as it was", async () => {
    await open({ historyLines: 3 });
    await append(channel, 3);
    const read = await recent.read(channel);
    await append(channel, 3);
    await expect.poll(async () => (await recent.read(channel)).end.line).toBe(6);
    expect({ lines: lineNumbers(read), end: read.end.line }).toEqual({ lines: [[0, 3]], end: 3 });
  });

  test("is filled once for readers that ask at the same time, and then follows", async () => {
    await open();
    await append(channel, 3);
    const all = await Promise.all([recent.read(channel), recent.read(channel), recent.read(channel)]);
    for (const history of all) expect(lineNumbers(history)).toEqual([[0, 3]]);
    await append(channel, 2);
    await expect.poll(async () => (await recent.read(channel)).end.line).toBe(5);
    expect(lineNumbers(await recent.read(channel))).toEqual([
      [0, 3],
      [3, 2],
    ]);
    expect(fills).toEqual([channel]);
  });

  test("holds the newest lines, in whole batches", async () => {
    await open();
    await recent.read(channel);
    for (let n = 0; n < 20; n++) await append(channel, 4);
    await expect.poll(async () => (await recent.read(channel)).end.line).toBe(80);
    expect(lineNumbers(await recent.read(channel))).toEqual([
      [68, 4],
      [72, 4],
      [76, 4],
    ]);
  });

  test("does not show lines that are too old", async () => {
    await open();
    await append(channel, 1, { ageMs: 2000 });
    await append(channel, 1, { ageMs: 900 });
    await append(channel, 1);
    expect(lineNumbers(await recent.read(channel))).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("says where the log of an app without lines ends", async () => {
    await open();
    expect(await recent.read(channel)).toEqual({ batches: [], end: { position: origin, line: 0 } });
  });

  test("goes when the channel is destroyed", async () => {
    await open();
    await append(channel, 3);
    await recent.read(channel);
    await log.destroy(channel);
    await expect.poll(() => recent.bytes).toBe(0);
    expect((await recent.read(channel)).batches).toEqual([]);
  });

  test("of the app that was read least recently goes when all hold too much, however busy it is", async () => {
    await open({ ringsBytesMax: 60_000 });
    const [busy, read, late] = [newChannelId(), newChannelId(), newChannelId()];
    await append(busy, 1, { bytes: 20_000 });
    await append(read, 1, { bytes: 10_000 });
    await recent.read(busy);
    await recent.read(read);
    for (let n = 0; n < 5; n++) await append(busy, 1, { bytes: 1000 }); // grows, and is no read
    await append(late, 1, { bytes: 30_000 });
    await recent.read(late);
    expect(recent.bytes).toBeLessThanOrEqual(60_000);
    await recent.read(read);
    expect(fills).toEqual([busy, read, late]);
    await recent.read(busy);
    expect(fills).toEqual([busy, read, late, busy]);
  });

  test("stays within its bytes while a ring grows, and serves one that is larger than all may be", async () => {
    await open({ ringsBytesMax: 50_000 });
    await recent.read(channel);
    for (let n = 0; n < 9; n++) await append(channel, 1, { bytes: 10_000 });
    await expect.poll(() => recent.bytes).toBe(0);
    expect((await recent.read(channel)).batches).toHaveLength(9);
    expect(recent.bytes).toBe(0);
  });

  test("hands out the batch behind a position only when none can be missing before it", async () => {
    await open();
    for (let n = 0; n < 6; n++) await append(channel, 5);
    const { batches } = await log.recent(channel, 30);
    await recent.read(channel); // the ring holds the last two
    const nextLine = (batch: number, lines: number) =>
      recent.next(channel, positionAt(batches[batch]!.sequence, lines))?.line;
    expect(nextLine(2, 5)).toBeUndefined();
    expect(nextLine(3, 4)).toBeUndefined();
    expect(nextLine(4, 0)).toBe(20);
    expect(nextLine(4, 4)).toBe(20);
    expect(nextLine(4, 5)).toBe(25);
    expect(nextLine(5, 5)).toBeUndefined();
  });

  test("counts lines of its own instead of pinning the large buffer that they came in", async () => {
    await open();
    const canoniser = new Canoniser("app", Buffer.alloc(1 << 20));
    const frame = Buffer.from("<190>1 - h app web.1 - - x");
    canoniser.add(frame, 0, frame.length, 0);
    await log.append(channel, { ...canoniser.take(), producer, firstLine: 0, acceptedAtMs: nowMs });
    const [batch] = (await recent.read(channel)).batches;
    expect(batch!.bytes.buffer.byteLength).toBe(batch!.bytes.length);
  });
});
