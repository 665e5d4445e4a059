/** Who may write a drain's state when two nodes believe that they run the drain. */
import { beforeEach, expect, test } from "vitest";
import type { Checkpoint } from "../../../../src/drains/worker/checkpoint/checkpoint.ts";
import { openMemory } from "../../../../src/engines/memory.ts";
import type { Store } from "../../../../src/ports.ts";
import { firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { type DrainSheet, storedCheckpoint } from "../../../../src/registry/drain-sheet.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { drainOf, keepAll, sheetsOf } from "../../rig.ts";

const drain = drainOf(1);
let clock: FakeClock;
let store: Store;
let conflicts: number;

beforeEach(async () => {
  clock = new FakeClock();
  conflicts = 0;
  store = (await openMemory({ clock, retention: keepAll })).store;
});

const open = (lease: number, own: Partial<Store> = {}): Promise<Checkpoint> =>
  sheetsOf({ ...methodsOf(store), ...own }, lease, { clock, commitMsMax: 50 }).open(drain, () => conflicts++);
/** A checkpoint at `line`, all of them delivered. */
const at = (line: number) => ({ ...firstCheckpoint(drain), line, delivered: line });
const methodsOf = (of: Store): Store => ({
  get: (key) => of.get(key),
  put: (...args) => of.put(...args),
  list: (prefix) => of.list(prefix),
  watch: (prefix, signal) => of.watch(prefix, signal),
  close: () => of.close(),
});
const stored = () => storedCheckpoint(store, drain);
const leases = async () => {
  const found: number[] = [];
  for await (const { value } of store.list<DrainSheet>("drain-sheet/")) found.push(value.lease);
  return found;
};

test("after a claim nothing that the earlier keeper sets is written", async () => {
  const early = await open(1);
  const late = await open(2);
  early.set(at(5));
  await clock.advance(50);
  expect({
    conflicts,
    isTakenOver: early.isTakenOver,
    stored: await stored(),
    leases: await leases(),
  }).toMatchObject({
    conflicts: 1,
    isTakenOver: true,
    stored: { line: 0 },
    leases: [2],
  });
  late.set(at(3));
  await clock.advance(50);
  expect(await stored()).toMatchObject({ line: 3 });
});

test("a claim under a lease that is over by then is none", async () => {
  await open(2);
  const late = await open(1);
  expect(late.isTakenOver).toBe(true);
  late.set(at(5));
  await clock.advance(5_000);
  await late.close();
  expect(await stored()).toMatchObject({ line: 0 });
});

test("a put whose answer was lost is not taken for the claim of another node that found it", async () => {
  let isAnswerLost = false;
  const early = await open(1, {
    put: async (...args) => {
      const put = await store.put(...args);
      if (isAnswerLost) throw new Error("the answer is lost");
      return put;
    },
  });
  isAnswerLost = true;
  early.set(at(5));
  await clock.advance(50);
  const late = await open(2);
  isAnswerLost = false;
  early.set(at(6));
  await clock.advance(2_000);
  expect(early.isTakenOver).toBe(true);
  late.set(at(7));
  await clock.advance(50);
  expect({ isTakenOver: late.isTakenOver, stored: await stored() }).toMatchObject({
    isTakenOver: false,
    stored: { line: 7 },
  });
});
