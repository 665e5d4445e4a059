/** What a drain costs whose destination is dead: little memory, and the others nothing. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import { delivered, drainOf, Rig, retry } from "./rig.ts";

const dead = 500;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

let rig: Rig;
let supervisor: DrainSupervisor | undefined;

beforeEach(async () => {
  rig = await Rig.open({ bounds: { probeBytesMax: 4096 } });
});

afterEach(async () => {
  const closed = supervisor?.close();
  await rig.clock.advance(20_000);
  await closed;
  await rig.close();
});

async function heldBytes(): Promise<number> {
  rig.tries.length = 0; // the rig's own
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function openDead(): Promise<number> {
  const before = await heldBytes();
  supervisor = await DrainSupervisor.open({ ...rig.parts, startsMax: 32 });
  for (let n = 1; n <= dead; n++) await rig.store.put(`drain/drain-${n}`, drainOf(n), 0);
  await rig.clock.advance(30_000);
  // At any one moment a few are amid a try, and what was let go may not be collected yet: the least is what is held.
  let held = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 6; sample++) {
    await rig.clock.advance(1_000);
    held = Math.min(held, (await heldBytes()) - before);
  }
  return held / dead;
}

test("a drain that waits for its next try costs less than 20 kB, its records in the store included", async () => {
  rig.script = () => retry;
  for (let n = 0; n < 200; n++) await rig.append(Array.from({ length: 50 }, () => "x".repeat(200)));
  expect(await openDead()).toBeLessThan(20_000);
  expect(rig.openSinks).toBe(0);
});

test("drains that hang hold few connections, and a well one beside them is served at once", async () => {
  const failed = new Set<string>();
  rig.script = ({ drain }) => {
    if (drain.number > dead) return delivered;
    if (failed.has(drain.id)) return "hang";
    failed.add(drain.id);
    return retry;
  };
  await rig.append(["a"]);
  await openDead();
  expect(rig.openSinks).toBeLessThanOrEqual(5);
  await rig.store.put(`drain/drain-${dead + 1}`, drainOf(dead + 1), 0);
  await rig.until(() => rig.received.length === 1, 0);
  for (let n = 0; n < 20; n++) {
    await rig.append([`line ${n}`]);
    await rig.until(() => rig.received.length === n + 2, 0);
  }
});

test("dead drains that come back get everything, in the order of their lines", async () => {
  rig.script = () => retry;
  for (let n = 0; n < 20; n++) await rig.append([`line ${n}`]);
  await rig.work();
  await rig.clock.advance(100_000);
  for (let n = 20; n < 40; n++) await rig.append([`line ${n}`]);
  rig.script = () => delivered;
  await rig.until(() => rig.received.length === 40);
  expect(rig.received).toEqual(Array.from({ length: 40 }, (_, n) => `line ${n}`));
});
