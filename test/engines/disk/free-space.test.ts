/** Room is known before it is needed: two reserves, asked for at most so often. */
import { expect, test } from "vitest";
import { FreeSpace, type FreeSpaceOptions } from "../../../src/engines/disk/free-space.ts";

const MiB = 1024 * 1024;

/** A disk and a clock that the test holds. */
function disk(options: Partial<FreeSpaceOptions> = {}) {
  const state = { free: 1000 * MiB, fileMax: Number.POSITIVE_INFINITY, nowMs: 0, asked: 0 };
  const space = new FreeSpace({
    folder: "/nowhere",
    file: "data",
    reserveBytes: 64 * MiB,
    floorBytes: 16 * MiB,
    freeBytes: () => {
      state.asked++;
      return state.free;
    },
    fileBytesMax: () => state.fileMax,
    nowMs: () => state.nowMs,
    ...options,
  });
  /** What is true a while later. */
  const later = (free: number) => {
    state.free = free * MiB;
    state.nowMs += 1000;
    return { intake: space.has(MiB, "intake"), upkeep: space.has(MiB, "upkeep") };
  };
  return { state, space, later };
}

test("intake leaves the reserve, what is small leaves the floor; each comes back by itself, intake with a margin", () => {
  const { later } = disk();
  // A write of 1 MiB may take 2, and 1 besides.
  expect(later(68)).toEqual({ intake: true, upkeep: true });
  expect(later(66)).toEqual({ intake: false, upkeep: true });
  expect(later(68)).toEqual({ intake: false, upkeep: true });
  expect(later(20)).toEqual({ intake: false, upkeep: true });
  expect(later(18)).toEqual({ intake: false, upkeep: false });
  expect(later(0)).toEqual({ intake: false, upkeep: false });
  expect(later(20)).toEqual({ intake: false, upkeep: true });
  expect(later(72)).toEqual({ intake: true, upkeep: true });
  expect(later(68)).toEqual({ intake: true, upkeep: true });
});

test("whatever is written, the reserve is there: what was written since the disk was asked is counted", () => {
  const { state, space } = disk();
  for (let taken = 0; ; taken++) {
    const bytes = ((taken * 7919) % 16) * MiB;
    if (!space.has(bytes, "intake")) break;
    space.wrote(bytes);
    state.free -= 2 * bytes; // the worst that a write takes
    expect(state.free).toBeGreaterThanOrEqual(64 * MiB);
  }
  expect(state.free).toBeLessThan(64 * MiB + 2 * 16 * MiB + 2 * MiB);
});

test("the disk is asked ten times a second at most, or once in 8 MiB", () => {
  const { state, space } = disk();
  for (let i = 0; i < 1000; i++) {
    space.has(1000, "intake");
    space.wrote(1000);
  }
  expect(state.asked).toBe(1);
  state.nowMs += 100;
  space.has(1000, "intake");
  expect(state.asked).toBe(2);
  space.wrote(8 * MiB);
  space.has(1000, "intake");
  expect(state.asked).toBe(3);
});

test("a limit of the process's files is a limit of the room", () => {
  const { state, later } = disk();
  state.fileMax = 66 * MiB;
  expect(later(1000)).toEqual({ intake: false, upkeep: true });
  state.fileMax = 10 * MiB;
  expect(later(1000)).toEqual({ intake: false, upkeep: false });
  state.fileMax = Number.POSITIVE_INFINITY;
  expect(later(1000)).toEqual({ intake: true, upkeep: true });
});

test("room inside the file counts while the disk has more than the floor", () => {
  let reusable = 0;
  const { later } = disk({ reusableBytes: () => reusable });
  expect(later(40)).toEqual({ intake: false, upkeep: true });
  reusable = 100 * MiB;
  expect(later(40)).toEqual({ intake: true, upkeep: true });
  expect(later(10)).toEqual({ intake: false, upkeep: true });
  expect(later(5)).toEqual({ intake: false, upkeep: false });
});

test("a disk that says nothing stops nobody: what is wrong with it is told elsewhere", () => {
  const { later } = disk({
    freeBytes: () => {
      throw new Error("no such folder");
    },
  });
  expect(later(0)).toEqual({ intake: true, upkeep: true });
});
