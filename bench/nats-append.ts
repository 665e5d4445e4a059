/**
 * What appends to NATS cost, by how the servers store: the time between syncs, the copies, and the look behind each
 * acknowledgement (decision 002); and how fast history is read. Medians of rounds that take turns.
 * Run: NATS_SERVER=… node bench/nats-append.ts [SECONDS=1.5] [ROUNDS=3] [CASE…]
 */
import { realClock } from "../src/clock.ts";
import type { ProducerId } from "../src/core/ids.ts";
import { origin } from "../src/core/position.ts";
import { type NatsEngine, openNats } from "../src/engines/nats/open.ts";
import { batchesOf, batchOf, channelOf } from "../test/support/batches.ts";
import { startNats } from "../test/support/nats.ts";

const seconds = Number(process.argv[2] ?? 1.5);
const rounds = Number(process.argv[3] ?? 3);
const wanted = process.argv.slice(4);
const retention = {
  ageMsMax: 86_400_000,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: 4 * 2 ** 30,
};
const historyMessages = 20_000;

type Setup = { readonly replicas: 1 | 3; readonly jetstream?: string; readonly checksPredecessor?: boolean };
const setups: Readonly<Record<string, Setup>> = {
  "R1, sync every 2 min": { replicas: 1 },
  "R1, sync always": { replicas: 1, jetstream: "sync_interval: always" },
  "R3, looks": { replicas: 3, checksPredecessor: true },
  "R3, trusts": { replicas: 3, checksPredecessor: false },
  "R3, trusts, sync always": { replicas: 3, checksPredecessor: false, jetstream: "sync_interval: always" },
};
const loads = [
  { name: "1 app, one at a time, 200 B", channels: 1, waiting: 1, bytes: 200 },
  { name: "1,000 apps, 200 at a time, 200 B", channels: 1000, waiting: 200, bytes: 200 },
  { name: "1,000 apps, 50 at a time, 20 kB", channels: 1000, waiting: 50, bytes: 20_000 },
] as const;

type Figures = { readonly rate: number; readonly p50: number; readonly p99: number };
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

async function append(
  { log }: NatsEngine,
  { channels, waiting, bytes }: (typeof loads)[number],
): Promise<Figures> {
  const text = "x".repeat(bytes);
  const latenciesMs: number[] = [];
  const start = performance.now();
  let next = 0;
  const writer = async () => {
    while (performance.now() - start < seconds * 1000) {
      const at = next++;
      const batch = batchOf([text], { producer: `p${start}` as ProducerId, firstLine: at });
      const began = performance.now();
      await log.append(channelOf(((at * 7919) % channels) + 1), batch);
      latenciesMs.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: waiting }, writer));
  const tookMs = performance.now() - start;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (part: number) => latenciesMs[Math.floor(latenciesMs.length * part)]!;
  return { rate: (latenciesMs.length * 1000) / tookMs, p50: quantile(0.5), p99: quantile(0.99) };
}

/** Messages a second of one app's log of small batches, from its first to its last. */
async function history({ log }: NatsEngine): Promise<number> {
  const channel = channelOf(5_000);
  const write = async (first: number) => {
    for (let at = first; at < historyMessages; at += 64)
      await log.append(channel, batchOf(["x".repeat(200)], { firstLine: at }));
  };
  await Promise.all(Array.from({ length: 64 }, (_, first) => write(first)));
  const start = performance.now();
  const stop = new AbortController();
  let lines = 0;
  for await (const { count } of batchesOf(
    log.follow(channel, { kind: "after", position: origin }, stop.signal),
  )) {
    lines += count;
    if (lines >= historyMessages) break;
  }
  stop.abort();
  return (historyMessages * 1000) / (performance.now() - start);
}

for (const [name, { checksPredecessor, replicas, jetstream }] of Object.entries(setups)) {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
  const cluster = await startNats(replicas, jetstream === undefined ? {} : { jetstream });
  const looks = checksPredecessor === undefined ? {} : { checksPredecessor };
  const engine = await openNats({ clock: realClock, urls: cluster.urls, replicas, retention, ...looks });
  try {
    const found = loads.map((): Figures[] => []);
    for (let round = 0; round < rounds; round++)
      for (const [i, load] of loads.entries()) found[i]!.push(await append(engine, load));
    for (const [i, { name: load }] of loads.entries()) {
      const of = (field: keyof Figures) => median(found[i]!.map((figures) => figures[field]));
      const [rate, p50, p99] = [of("rate").toFixed(0), of("p50").toFixed(2), of("p99").toFixed(2)];
      console.log(`| ${name} | ${load} | ${rate} | ${p50} | ${p99} |`);
    }
    console.log(`| ${name} | history, messages a second | ${(await history(engine)).toFixed(0)} | | |`);
  } finally {
    await engine.close();
    await cluster.close();
  }
}
process.exit(0);
