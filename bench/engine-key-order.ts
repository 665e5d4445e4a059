/**
 * Which key order suits many busy apps? One question, raw LMDB, no engine: (channel, line) keys against an
 * append-only order (one record for each commit with a section for each app, an index beside it).
 * Prints batches a second, median of rounds that take turns. Run: node bench/engine-key-order.ts
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, open } from "lmdb";

type Layout = { put(commit: number, channels: number[], value: Buffer): Promise<unknown> };

const folderOf = process.argv[2] ?? tmpdir();
const secondsEach = Number(process.argv[3] ?? 2);
const rounds = Number(process.argv[4] ?? 5);

function byChannel(db: Database<Buffer, Buffer>): Layout {
  const next = new Map<number, number>();
  return {
    put(_commit, channels, value) {
      let last: Promise<boolean> | undefined;
      for (const channel of channels) {
        const line = next.get(channel) ?? 0;
        next.set(channel, line + 1);
        const key = Buffer.allocUnsafe(16);
        key.writeUInt32BE(channel, 0);
        key.writeUIntBE(line, 4, 6);
        key.writeUIntBE(line * value.length, 10, 6);
        last = db.put(key, value);
      }
      return last as Promise<boolean>;
    },
  };
}

/** `indexEvery` commits the places of their batches are written channel by channel; until then they are in memory. */
function appendOnly(
  db: Database<Buffer, Buffer>,
  index: Database<Buffer, Buffer>,
  indexEvery: number,
): Layout {
  let places = new Map<number, number[]>();
  return {
    put(commit, channels, value) {
      const record = Buffer.allocUnsafe(channels.length * (8 + value.length));
      let at = 0;
      for (const channel of channels) {
        at = record.writeUInt32BE(channel, at);
        at = record.writeUInt32BE(value.length, at);
        record.set(value, at);
        at += value.length;
        const list = places.get(channel);
        if (list === undefined) places.set(channel, [commit, at]);
        else list.push(commit, at);
      }
      const key = Buffer.allocUnsafe(8);
      key.writeUIntBE(0, 0, 2);
      key.writeUIntBE(commit, 2, 6);
      if ((commit + 1) % indexEvery === 0) {
        for (const [channel, list] of places) {
          const indexKey = Buffer.allocUnsafe(10);
          indexKey.writeUInt32BE(channel, 0);
          indexKey.writeUIntBE(commit, 4, 6);
          const entry = Buffer.allocUnsafe(list.length * 4);
          for (let i = 0; i < list.length; i++) entry.writeUInt32LE(list[i]! >>> 0, i * 4);
          index.put(indexKey, entry);
        }
        places = new Map();
      }
      return db.put(key, record);
    },
  };
}

async function measure(layoutName: string, channelCount: number, perCommit: number, valueBytes: number) {
  const folder = mkdtempSync(join(folderOf, "tailrace-order-"));
  const root = open({ path: folder, overlappingSync: false, mapSize: 2 ** 38, maxDbs: 4 });
  const binary = { encoding: "binary", keyEncoding: "binary" } as const;
  const lines = root.openDB<Buffer, Buffer>("lines", binary);
  const index = root.openDB<Buffer, Buffer>("index", binary);
  const layout = layoutName === "channel" ? byChannel(lines) : appendOnly(lines, index, 256);
  const value = Buffer.alloc(valueBytes, "x");
  const start = performance.now();
  let commits = 0;
  let at = 0;
  const channels: number[] = new Array(perCommit);
  while (performance.now() - start < secondsEach * 1000) {
    for (let i = 0; i < perCommit; i++) channels[i] = ((at++ * 7919) % channelCount) + 1;
    await layout.put(commits++, channels, value);
  }
  const seconds = (performance.now() - start) / 1000;
  const stored = commits * perCommit;
  const fileBytes = statSync(join(folder, "data.mdb")).size;
  await root.close();
  rmSync(folder, { recursive: true });
  return {
    rate: stored / seconds,
    commitMs: (seconds * 1000) / commits,
    amplification: fileBytes / (stored * valueBytes),
  };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

console.log("value  apps  batches/commit  order        batches/s  ms/commit  file/payload");
for (const [valueBytes, channelCount, perCommit] of [
  [200, 10, 10],
  [200, 10, 200],
  [200, 1000, 200],
  [200, 1000, 1000],
  [20_000, 10, 10],
  [20_000, 1000, 200],
] as const) {
  const results = new Map<string, Awaited<ReturnType<typeof measure>>[]>();
  for (let round = 0; round < rounds; round++) {
    for (const order of ["channel", "append-only"]) {
      const list = results.get(order) ?? [];
      list.push(await measure(order, channelCount, perCommit, valueBytes));
      results.set(order, list);
    }
  }
  for (const [order, list] of results) {
    console.log(
      [
        String(valueBytes).padEnd(6),
        String(channelCount).padEnd(5),
        String(perCommit).padEnd(15),
        order.padEnd(12),
        median(list.map((r) => r.rate))
          .toFixed(0)
          .padStart(9),
        median(list.map((r) => r.commitMs))
          .toFixed(2)
          .padStart(10),
        median(list.map((r) => r.amplification))
          .toFixed(2)
          .padStart(13),
      ].join(" "),
    );
  }
}
