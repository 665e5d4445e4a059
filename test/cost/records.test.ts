/** Work for records on the disk, counted: what the checkpoints of many busy drains are, written at the same moment. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openEmbedded } from "../../src/engines/embedded.ts";
import { Commits } from "../../src/engines/lmdb/commits.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { FakeClock } from "../support/fake-clock.ts";

let folder: string | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

test("records that are stored together are a put each, and one for their revisions, which go on after a restart", async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-records-"));
  const options = { folder, clock: new FakeClock(), retention: keepsAll };
  const engine = await openEmbedded(options);
  const puts = vi.spyOn(Commits.prototype, "put");
  const parsed = vi.spyOn(JSON, "parse");
  const records = 1_000;
  const write = async (round: number, revisions: readonly (number | undefined)[]) =>
    Promise.all(revisions.map((before, n) => engine.store.put(`drain-state/${n}`, { round }, before ?? 0)));
  const first = await write(1, Array<number>(records).fill(0));
  const second = await write(2, first);
  expect(puts.mock.calls.length / records).toBeLessThan(2.02); // 2.002: each was two before
  expect(parsed).toHaveBeenCalledTimes(0); // nobody watches these
  expect(new Set([...first, ...second]).size).toBe(2 * records);
  await engine.close();

  const again = await openEmbedded(options);
  const next = await again.store.put("drain-state/0", { round: 3 }, second[0]!);
  expect(next).toBeGreaterThan(Math.max(...second.map((revision) => revision!)));
  expect(await again.store.get("drain-state/1")).toMatchObject({ value: { round: 2 }, revision: second[1] });
  await again.close();
});

test("records for which a turn has no time go with the next transaction, in their order", async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-records-"));
  const clock = new FakeClock();
  const engine = await openEmbedded({ folder, clock, retention: keepsAll });
  const puts = vi.spyOn(Commits.prototype, "put");
  let nowMs = 0;
  vi.spyOn(clock, "monotonicMs").mockImplementation(() => nowMs++); // so each record takes a millisecond
  const records = 100;
  const stored: number[] = [];
  const write = async (n: number) => {
    const revision = await engine.store.put(`drain-state/${n}`, { n }, 0);
    stored.push(n);
    return revision!;
  };
  const revisions = await Promise.all(Array.from({ length: records }, (_, n) => write(n)));
  expect(puts).toHaveBeenCalledTimes(records + records / 2); // two in a transaction, which adds one of its own
  expect(stored).toEqual([...stored].sort((a, b) => a - b));
  expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  await engine.close();
});
