/** A folder as the versions before the journal wrote it: its lines, places and ends are all there afterwards. */
import { cpSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { realClock } from "../../src/clock.ts";
import { type Batch, encodeBatch, positionIn } from "../../src/core/batch/batch.ts";
import { type EmbeddedEngine, openEmbedded } from "../../src/engines/embedded.ts";
import { incarnationOf } from "../../src/engines/incarnation.ts";
import { Environment } from "../../src/engines/lmdb/environment.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, channelOf, takeFollowed, takeLines, textsOf } from "../support/batches.ts";

const logId = "abc123";
let folder: string;
let engine: EmbeddedEngine;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tailrace-convert-"));
});
afterEach(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const binary = { encoding: "binary", keyEncoding: "binary" } as const;
const bigEndian = (number: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};
const doubles = (...values: number[]) => Buffer.from(new Float64Array(values).buffer);

type OldChannel = { readonly number: number; readonly batches: readonly Batch[]; readonly trimmed?: number };

/** Writes a folder of format 1. A channel without batches is trimmed to nothing at line `trimmed`. */
async function oldFolder(channels: readonly OldChannel[], format: string | undefined): Promise<void> {
  const root = open<Buffer, Buffer>({ path: folder, noSubdir: false, maxDbs: 12, ...binary });
  const tree = (name: string) => root.openDB<Buffer, Buffer>(name, binary);
  await root.transaction(() => {
    tree("meta").put(Buffer.from("log-id"), Buffer.from(logId));
    const records = root.openDB<Buffer, string>("records", { encoding: "binary" });
    records.put("app/1", Buffer.concat([doubles(3), Buffer.from('{"name":"todo"}')]));
    for (const { number, batches, trimmed } of channels) {
      tree("channels").put(Buffer.from(channelOf(number), "latin1"), bigEndian(number));
      if (trimmed !== undefined) tree("ends").put(bigEndian(number), doubles(trimmed, 900, trimmed - 1));
      let [line, bytes] = [0, 0];
      for (const batch of batches) {
        const key = Buffer.alloc(16);
        key.writeUInt32BE(number, 0);
        key.writeUIntBE(line, 4, 6);
        key.writeUIntBE(bytes, 10, 6);
        const stored = Buffer.concat(encodeBatch(batch));
        tree("lines").put(key, stored);
        line += batch.count;
        bytes += stored.length;
      }
    }
  });
  await root.close();
  if (format !== undefined) await writeFile(join(folder, "tailrace.json"), format);
}

const openFolder = async () => {
  engine = await openEmbedded({ folder, clock: realClock, retention: keepsAll });
  return engine;
};
const many = Array.from({ length: 700 }, (_, i) => batchOf([`${i}a`, `${i}b`], { firstLine: 2 * i }));

test.each([['{"format":1,"since":"2026-01-01T00:00:00.000Z"}\n'], [undefined]])(
  "every line is at its place, once, and the next one behind it (format file: %s)",
  async (format) => {
    await oldFolder(
      [
        { number: 1, batches: many },
        { number: 2, batches: [batchOf(["theirs"], { form: "rfc5424" })] },
        { number: 3, batches: [], trimmed: 9 },
      ],
      format,
    );
    for (let start = 0; start < 2; start++) {
      const { log, store } = await openFolder();
      const { batches, end } = await log.recent(channelOf(1), Number.POSITIVE_INFINITY);
      expect(batches.flatMap(textsOf)).toEqual(many.flatMap(textsOf));
      expect(end.line).toBe(1400 + start);
      expect((await log.recent(channelOf(2), 9)).batches).toMatchObject([{ form: "rfc5424", line: 0 }]);
      expect((await log.recent(channelOf(3), 9)).end.line).toBe(9);
      expect((await store.get("app/1"))?.value).toEqual({ name: "todo" });
      // A position that the old folder gave goes on where it was.
      const { producer, firstLine } = many[5]!;
      const place = { sequence: 10, line: 10, incarnation: incarnationOf(logId, 1), producer, firstLine };
      const from = { kind: "after", position: positionIn(place, 1) } as const;
      expect(await takeFollowed(log.follow(channelOf(1), from, AbortSignal.timeout(60_000)), 1)).toEqual([
        ["5a", "5b"],
      ]);
      const next = takeLines(log.follow(channelOf(1), { kind: "now" }, AbortSignal.timeout(60_000)), 1);
      await log.append(channelOf(1), batchOf([`after ${start}`], { firstLine: 5000 + start }));
      expect(await next).toMatchObject([{ line: 1400 + start }]);
      many.push(batchOf([`after ${start}`]));
      await engine.close();
    }
    many.length = 700;
    expect(JSON.parse(await readFile(join(folder, "tailrace.json"), "utf8"))).toMatchObject({ format: 2 });
    await openFolder();
  },
);

test("a conversion that was cut short is begun anew", async () => {
  await oldFolder([{ number: 1, batches: many }], undefined);
  await mkdir(join(folder, "journal"));
  await writeFile(join(folder, "journal", "0000000001.log"), "half of it");
  const { log } = await openFolder();
  expect((await log.recent(channelOf(1), Number.POSITIVE_INFINITY)).batches).toHaveLength(700);
});

test("killed while the earlier form is emptied, it has every line all the same", async () => {
  await oldFolder([{ number: 1, batches: many }], undefined);
  const killed: string[] = [];
  // The folder as a kill before each clearing of a tree leaves it.
  const tree = Environment.prototype.tree;
  vi.spyOn(Environment.prototype, "tree").mockImplementation(function (this: Environment, name) {
    const found = tree.call(this, name);
    for (const clearing of ["clearAsync", "clearSync"] as const) {
      const clear = found[clearing].bind(found) as () => never;
      vi.spyOn(found, clearing).mockImplementation(() => {
        killed.push(`${folder}-${killed.length}`);
        cpSync(folder, killed.at(-1)!, { recursive: true, filter: (path) => !statSync(path).isSocket() });
        return clear();
      });
    }
    return found;
  });
  await openFolder();
  await engine.close();
  vi.restoreAllMocks();
  expect(killed.length).toBeGreaterThan(1);
  const whole = folder;
  for (folder of killed) {
    const { log } = await openFolder();
    const { batches } = await log.recent(channelOf(1), Number.POSITIVE_INFINITY);
    expect(batches.flatMap(textsOf)).toEqual(many.flatMap(textsOf));
    await engine.close();
    await rm(folder, { recursive: true });
  }
  folder = whole;
});

test("a folder that says that it holds a journal, and does not, is told", async () => {
  await openFolder();
  await engine.close();
  await rm(join(folder, "journal"), { recursive: true });
  await expect(openFolder()).rejects.toMatchObject({ code: "DATA_DAMAGED" });
  await writeFile(join(folder, "tailrace.json"), "").then(() => rm(join(folder, "tailrace.json")));
  await openFolder();
});
