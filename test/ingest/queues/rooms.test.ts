/** Memory that lines are written into: used again, within its bound, and never more than twice as large as its lines. */
import { expect, test } from "vitest";
import type { Canoniser } from "../../../src/core/batch/canonical.ts";
import { freeBytesMax, Rooms } from "../../../src/ingest/queues/rooms.ts";
import { textsOf } from "../../support/batches.ts";

const KiB = 1024;

/** Writes lines of some hundred bytes up to `bytes`. */
function fill(room: Canoniser, bytes: number): void {
  for (let n = 0; room.bytes + 150 < bytes; n++) {
    const frame = Buffer.from(`<190>1 2026-01-02T03:04:05Z h app web.1 - ${String(n).padEnd(80, ".")}`);
    room.add(frame, 0, frame.length, 0);
  }
}

test("a room that came home is the next one of its size, and empty", () => {
  const rooms = new Rooms();
  const room = rooms.take(50 * KiB);
  fill(room, 50 * KiB);
  rooms.takeBack(room);
  expect(rooms.take(5 * KiB)).not.toBe(room);
  const again = rooms.take(50 * KiB);
  expect(again).toBe(room);
  expect(again.count).toBe(0);
});

test("lines that fill less than half of their room move to a smaller one, whole and with their places", () => {
  const rooms = new Rooms();
  const room = rooms.take(400 * KiB);
  fill(room, 40 * KiB);
  const [texts, places] = [textsOf(room.view()), [...room.view().index!.places]];
  const fitting = rooms.fitting(room);
  expect(fitting).not.toBe(room);
  expect(fitting.linesBytesMax).toBeLessThanOrEqual(2 * fitting.bytes);
  expect(textsOf(fitting.view())).toEqual(texts);
  expect([...fitting.view().index!.places].slice(0, 8 * texts.length)).toEqual(
    places.slice(0, 8 * texts.length),
  );
  expect(rooms.take(400 * KiB)).toBe(room); // it came home
});

test("lines that fill half of their room stay in it", () => {
  const rooms = new Rooms();
  const room = rooms.take(40 * KiB);
  fill(room, 40 * KiB);
  expect(rooms.fitting(room)).toBe(room);
});

test("over the bound those that wait longest are let go, whatever their size, and what is asked for is made", () => {
  const rooms = new Rooms();
  const large = Array.from({ length: 60 }, () => rooms.take(400 * KiB));
  const small = Array.from({ length: 100 }, () => rooms.take(20 * KiB));
  expect(rooms.outstanding).toBe(160);
  for (const room of [...large, ...small]) {
    rooms.takeBack(room);
    expect(rooms.bytes).toBeLessThanOrEqual(freeBytesMax);
  }
  expect(rooms.outstanding).toBe(0);
  const again = rooms.take(400 * KiB);
  expect(again).toBe(large.at(-1));
  const used = rooms.take(small[0]!.linesBytesMax >> 1);
  expect(used).toBe(small.at(-1));
  rooms.takeBack(used);
  for (const room of large.slice(0, 40)) rooms.takeBack(room); // none of these is one of the 20 to 30 that wait
  expect(rooms.bytes).toBeGreaterThan(freeBytesMax - 1024 * KiB);
  expect(rooms.take(small[0]!.linesBytesMax >> 1)).not.toBe(small[0]);
  expect(small).not.toContain(rooms.take(small[0]!.linesBytesMax >> 1));
});

test("lines that do not fit move to a room twice as large, whole and with their places, and the smaller one comes home", () => {
  const rooms = new Rooms();
  const room = rooms.take(20 * KiB);
  fill(room, 30 * KiB);
  const [texts, places] = [textsOf(room.view()), [...room.view().index!.places]];
  const larger = rooms.larger(room, 4 * KiB);
  expect(larger.linesBytesMax).toBe(2 * room.linesBytesMax);
  expect(textsOf(larger.view())).toEqual(texts);
  expect([...larger.view().index!.places].slice(0, 8 * texts.length)).toEqual(
    places.slice(0, 8 * texts.length),
  );
  expect(rooms.take(20 * KiB)).toBe(room);
  expect(rooms.larger(larger, 200 * KiB).linesBytesMax).toBe(256 * KiB);
  const largest = rooms.take(1024 * KiB);
  expect(rooms.larger(largest, KiB)).toBe(largest); // it grows by itself
});
