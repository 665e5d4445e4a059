import { afterEach, expect, test, vi } from "vitest";
import { FrameRooms } from "../../../src/ingest/connections/frame-rooms.ts";
import { FrameBuffer } from "../../../src/ingest/syslog/frame-buffer.ts";

const KiB = 1024;
afterEach(() => vi.restoreAllMocks());

test("a thousand long frames that are begun and given up take the memory of one", () => {
  const made = vi.spyOn(Buffer, "allocUnsafeSlow");
  const rooms = new FrameRooms();
  const read = Buffer.alloc(64 * KiB, "x");
  const first = Buffer.concat([Buffer.from("260000 <190>1 "), read.subarray(14)]);
  for (let sender = 0; sender < 1_000; sender++) {
    const frames = new FrameBuffer(256 * KiB, rooms);
    for (const bytes of [first, read, read]) {
      frames.push(bytes);
      expect(frames.next()).toBe("more");
      frames.release();
    }
    expect(frames.unfinishedBytes).toBe(256 * KiB);
    frames.drop();
    expect(frames.unfinishedBytes).toBe(0);
  }
  expect(made.mock.calls.map(([bytes]) => bytes! / KiB)).toEqual([128, 256]);
});

test("a frame in memory of another that was given up has its own bytes", () => {
  const rooms = new FrameRooms();
  const begun = new FrameBuffer(256 * KiB, rooms);
  begun.push(Buffer.concat([Buffer.from("120000 <190>1 "), Buffer.alloc(70 * KiB, "x")]));
  expect(begun.next()).toBe("more");
  begun.drop();
  expect(rooms.bytes).toBeGreaterThan(0);
  const whole = Buffer.concat([Buffer.from("120005 <190>"), Buffer.alloc(120_000, "y")]);
  const next = new FrameBuffer(256 * KiB, rooms);
  for (const part of [whole.subarray(0, 90_000), whole.subarray(90_000)]) {
    next.push(part);
    if (part.length === 90_000) expect(next.next()).toBe("more");
  }
  expect(rooms.bytes).toBe(0);
  expect(next.next()).toBe("frame");
  expect(whole.subarray(7).equals(next.bytes.subarray(next.start, next.end))).toBe(true);
});

test("at most 4 MiB are kept, and no short room is", () => {
  const rooms = new FrameRooms();
  const taken = Array.from({ length: 40 }, () => rooms.take(250 * KiB));
  for (const room of taken) rooms.takeBack(room);
  expect(rooms.bytes).toBe(4 * 1024 * KiB);
  while (rooms.bytes > 0) rooms.take(250 * KiB);
  rooms.takeBack(rooms.take(63 * KiB));
  expect(rooms.bytes).toBe(0);
});
