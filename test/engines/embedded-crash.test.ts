/** The embedded engine against what happens to processes and disks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { StoredBatch } from "../../src/core/batch/batch.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, channelOf } from "../support/batches.ts";
import { until } from "../support/until.ts";
import { Writer } from "../support/writer.ts";

let folder: string;
let writers: Writer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-crash-"));
  writers = [];
});
afterEach(async () => {
  for (const writer of writers) await writer.kill();
  await rm(folder, { recursive: true });
});

function startWriter(batchBytes: number, together: number): Writer {
  const writer = new Writer(folder, { batchBytes, together });
  writers.push(writer);
  return writer;
}

const reopen = () => openEmbedded({ folder, clock: realClock, retention: keepsAll, writes: { smallMin: 1 } });

/** Every stored batch by the number that its writer gave it; checks that each channel's lines have no gap. */
async function readAll(): Promise<Map<number, StoredBatch>> {
  const engine = await reopen();
  const found = new Map<number, StoredBatch>();
  for (let channel = 0; channel < 3; channel++) {
    const { batches, end } = await engine.log.recent(channelOf(channel), Infinity);
    expect(batches.map(({ line }) => line)).toEqual(Array.from({ length: end.line }, (_, i) => i));
    for (const batch of batches) {
      expect(found.has(batch.firstLine)).toBe(false);
      found.set(batch.firstLine, batch);
    }
  }
  await engine.close();
  return found;
}

test("after kill -9 every acknowledged batch is there, whole, once, and its dedup id is known", async () => {
  const writer = startWriter(5000, 8);
  await until(() => writer.stored.length > 200);
  await writer.kill();
  const found = await readAll();
  for (const number of writer.stored) expect(found.get(number)?.bytes.length).toBe(5000);
  const engine = await reopen();
  const last = writer.stored.at(-1)!;
  const again = await engine.log.append(channelOf(last % 3), batchOf(["x"], { dedupId: `frame-${last}` }));
  expect(again.repeated).toBe(true);
  const { end } = await engine.log.recent(channelOf(0), 1);
  await engine.log.append(channelOf(0), batchOf(["next"]));
  expect((await engine.log.recent(channelOf(0), 1)).batches[0]!.line).toBe(end.line);
  await engine.close();
});

test("a second process on the same folder is refused with the first one's id; a killed one is no obstacle", async () => {
  const first = startWriter(200, 1);
  await until(() => first.stored.length > 0);
  await expect(reopen()).rejects.toMatchObject({
    code: "STORE_IN_USE",
    message: expect.stringContaining(`Process ${first.child.pid} `),
  });
  const second = startWriter(200, 1);
  await until(() => second.said.length > 0);
  expect(second.said[0]).toMatchObject({ refused: "STORE_IN_USE" });
  await first.kill();
  const engine = await reopen();
  await expect(reopen()).rejects.toMatchObject({ code: "STORE_IN_USE" });
  await engine.close();
});
