/**
 * How many batches a second does the embedded engine make durable? 200 B and 20 kB, 10 and 1,000 channels, with and
 * without dedup ids, `waiting` appends in flight. Medians of rounds that take turns. Run: node bench/engine-append.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "../src/clock.ts";
import type { Batch } from "../src/core/batch/batch.ts";
import type { ChannelId, ProducerId } from "../src/core/ids.ts";
import { openEmbedded } from "../src/engines/embedded.ts";

const folderOf = process.argv[2] ?? tmpdir();
const secondsEach = Number(process.argv[3] ?? 2);
const rounds = Number(process.argv[4] ?? 3);
const retention = {
  ageMsMax: 7 * 86_400_000,
  channelBytesMax: 64 * 2 ** 20,
  channelLinesMax: Infinity,
  totalBytesMax: 10 * 2 ** 30,
};

async function measure(batchBytes: number, channels: number, waiting: number, withIds: boolean) {
  const folder = mkdtempSync(join(folderOf, "tailrace-append-"));
  const engine = await openEmbedded({ folder, clock: realClock, retention });
  const ids = Array.from(
    { length: channels },
    (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}` as ChannelId,
  );
  const bytes = Buffer.alloc(batchBytes, "x");
  const producer = "producer" as ProducerId;
  const latenciesMs: number[] = [];
  const start = performance.now();
  const endMs = start + secondsEach * 1000;
  let stored = 0;
  let next = 0;
  const writer = async () => {
    while (performance.now() < endMs) {
      const at = next++;
      const batch: Batch = {
        bytes,
        count: 1,
        form: "logplex",
        producer,
        firstLine: at,
        acceptedAtMs: Date.now(),
        ...(withIds && { dedupId: Math.random().toString(36).slice(2).padEnd(24, "x") }),
      };
      const began = performance.now();
      await engine.log.append(ids[(at * 7919) % channels]!, batch);
      latenciesMs.push(performance.now() - began);
      stored++;
    }
  };
  await Promise.all(Array.from({ length: waiting }, writer));
  const seconds = (performance.now() - start) / 1000;
  await engine.close();
  rmSync(folder, { recursive: true });
  latenciesMs.sort((a, b) => a - b);
  return {
    rate: stored / seconds,
    p50: latenciesMs[latenciesMs.length >> 1]!,
    p99: latenciesMs[Math.floor(latenciesMs.length * 0.99)]!,
  };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

console.log("bytes   channels  waiting  ids   batches/s   p50 ms   p99 ms");
const cases = [
  [200, 10, 1, false],
  [200, 10, 1000, false],
  [200, 10, 1000, true],
  [200, 1000, 1000, false],
  [200, 1000, 1000, true],
  [20_000, 10, 100, false],
  [20_000, 1000, 1000, false],
] as const;
const results = cases.map((): Awaited<ReturnType<typeof measure>>[] => []);
for (let round = 0; round < rounds; round++) {
  for (const [i, one] of cases.entries()) results[i]!.push(await measure(one[0], one[1], one[2], one[3]));
}
for (const [i, [batchBytes, channels, waiting, withIds]] of cases.entries()) {
  const list = results[i]!;
  console.log(
    [
      String(batchBytes).padEnd(7),
      String(channels).padEnd(9),
      String(waiting).padEnd(8),
      (withIds ? "yes" : "no").padEnd(4),
      median(list.map(({ rate }) => rate))
        .toFixed(0)
        .padStart(10),
      median(list.map(({ p50 }) => p50))
        .toFixed(2)
        .padStart(8),
      median(list.map(({ p99 }) => p99))
        .toFixed(2)
        .padStart(8),
    ].join(" "),
  );
}
