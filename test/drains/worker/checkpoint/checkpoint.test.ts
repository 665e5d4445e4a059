import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";
import { Checkpoint } from "../../../../src/drains/worker/checkpoint/checkpoint.ts";
import { openMemory } from "../../../../src/engines/memory.ts";
import type { Store } from "../../../../src/ports.ts";
import { type DrainCheckpoint, firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { drainOf, keepAll } from "../../rig.ts";

type Fault = "before" | "after" | undefined;

const drain = drainOf(1);
let clock: FakeClock;
let store: Store;
/** What befalls the next calls of `put` and `get`: a failure before it is done, or after. */
let puts: Fault[];
let gets: Fault[];
let written: number;

beforeEach(async () => {
  clock = new FakeClock();
  puts = [];
  gets = [];
  written = 0;
  conflicts = 0;
  const memory = (await openMemory({ clock, retention: keepAll })).store;
  store = {
    get: async (key) => {
      if (gets.shift()) throw new Error("the store is away");
      return memory.get(key);
    },
    put: async (...args) => {
      const fault = puts.shift();
      if (fault === "before") throw new Error("the store is away");
      const revision = await memory.put(...args);
      written++;
      if (fault === "after") throw new Error("the store is away");
      return revision;
    },
    list: (prefix) => memory.list(prefix),
    watch: (prefix, signal) => memory.watch(prefix, signal),
    close: () => memory.close(),
  };
});

let conflicts: number;
const open = (): Promise<Checkpoint> =>
  Checkpoint.open(
    drain,
    { store, clock, logger: pino({ level: "silent" }), commitMsMax: 50 },
    () => conflicts++,
  );
/** A checkpoint at `line`, all of them delivered. */
const at = (line: number) => ({ ...firstCheckpoint(drain), line, delivered: line });
const stored = async () => (await store.get<DrainCheckpoint>("drain-state/drain-1"))?.value;

test("many changes within a moment are one write", async () => {
  const checkpoint = await open();
  for (let line = 1; line <= 100; line++) checkpoint.set(at(line));
  await clock.advance(49);
  expect(await stored()).toBeUndefined();
  await clock.advance(1);
  expect(await stored()).toMatchObject({ line: 100 });
  expect(written).toBe(1);
  await clock.advance(10_000);
  expect(written).toBe(1);
  await checkpoint.close();
});

test("a state is written in time, whatever the time of day does", async () => {
  const checkpoint = await open();
  for (const jumpMs of [-172_800_000, 691_200_000]) {
    const before = written;
    checkpoint.set(at(before + 1));
    clock.jump(jumpMs);
    await clock.advance(50);
    expect(written).toBe(before + 1);
  }
  await checkpoint.close();
});

test("close writes what is not written, at once", async () => {
  const checkpoint = await open();
  checkpoint.set(at(7));
  await checkpoint.close();
  await checkpoint.close();
  expect(await stored()).toMatchObject({ line: 7 });
  expect((await open()).latest.line).toBe(7);
});

test("a store that fails is tried again until it takes the newest state", async () => {
  puts = ["before", "before", "before"];
  const checkpoint = await open();
  checkpoint.set(at(1));
  await clock.advance(2_000);
  checkpoint.set(at(2));
  await clock.advance(2_000);
  expect(await stored()).toMatchObject({ line: 2 });
  await checkpoint.close();
});

test.each<[string, Fault[], Fault[]]>([
  ["once", ["after"], []],
  ["twice", ["after", "after"], []],
  ["and the store cannot be read to find out", ["after"], ["before", "before"]],
  ["and the next fails for good", ["after", "before"], []],
])(
  "a put that was written though it failed is no conflict with oneself: %s",
  async (_, putFaults, getFaults) => {
    const checkpoint = await open();
    puts = putFaults;
    gets = getFaults;
    for (let line = 1; line <= 8; line++) {
      checkpoint.set(at(line));
      await clock.advance(1_100);
    }
    expect(conflicts).toBe(0);
    expect(await stored()).toMatchObject({ line: 8 });
    await checkpoint.close();
  },
);

test("a state that somebody else wrote is a conflict: told once, and never overwritten", async () => {
  const checkpoint = await open();
  checkpoint.set(at(1));
  await clock.advance(50);
  const found = (await store.get("drain-state/drain-1"))!;
  await store.put(found.key, at(99), found.revision);
  checkpoint.set(at(2));
  await clock.advance(50);
  checkpoint.set(at(3));
  await clock.advance(5_000);
  await checkpoint.close();
  expect(conflicts).toBe(1);
  expect(await stored()).toMatchObject({ line: 99 });
});

test("close ends also when the store takes nothing", async () => {
  puts = Array(10).fill("before");
  const checkpoint = await open();
  checkpoint.set(at(1));
  const closed = checkpoint.close();
  await clock.advance(2_000);
  await closed;
  expect(await stored()).toBeUndefined();
});

test("the last write is tried again when the store fails for a moment", async () => {
  puts = ["before", "after"];
  const checkpoint = await open();
  checkpoint.set(at(1));
  const closed = checkpoint.close();
  await clock.advance(2_000);
  await closed;
  expect(await stored()).toMatchObject({ line: 1 });
});
