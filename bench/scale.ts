/**
 * Does a line cost more when there are more other apps? The same load spread over 1, 1,000 and 10,000 apps, on the
 * embedded store, on one NATS server (R1) and three (R3), with one ingest process and two.
 * Run: node bench/scale.ts [seconds] [0|1|3 NATS servers…]
 */
import { fileURLToPath } from "node:url";
import { postFirstLines, postLines } from "./load.ts";
import { BenchNats, BenchServer } from "./server.ts";

type ScaleSetup = {
  readonly natsServers: 0 | 1 | 3;
  readonly ingestProcesses: 1 | 2;
  readonly apps: number;
};
export type ScaleRow = ScaleSetup & {
  readonly linesPerSecond: number;
  /** Of all tailrace processes, and of all NATS servers. */
  readonly cpuMicrosPerLine: number;
  readonly natsCpuMicrosPerLine: number;
};

/** The setups of one store, smallest first: apps vary, then the second ingest process joins. */
export const setupsOf = (natsServers: 0 | 1 | 3, appCounts: readonly number[]): ScaleSetup[] => [
  ...appCounts.map((apps) => ({ natsServers, ingestProcesses: 1 as const, apps })),
  ...(natsServers === 0 ? [] : [{ natsServers, ingestProcesses: 2 as const, apps: appCounts.at(-1)! }]),
];

/** Runs setups of one number of NATS servers, on one cluster. */
export async function scale(setups: readonly ScaleSetup[], seconds = 3): Promise<ScaleRow[]> {
  const { natsServers } = setups[0]!;
  const nats = natsServers === 0 ? undefined : await BenchNats.start(natsServers);
  const args = nats === undefined ? [] : ["--nats", nats.urls, "--nats-replicas", String(natsServers)];
  const servers: BenchServer[] = [await BenchServer.start(args)];
  const rows: ScaleRow[] = [];
  try {
    const most = Math.max(...setups.map(({ apps }) => apps));
    const tokens = await servers[0]!.tokens(Array.from({ length: most }, (_, i) => `bench-${i}`));
    for (const setup of setups) {
      while (servers.length < setup.ingestProcesses)
        servers.push(await BenchServer.start([...args, "--roles", "ingest"]));
      const doors = tokens
        .slice(0, setup.apps)
        .map((token, i) => ({ url: servers[i % setup.ingestProcesses]!.url, token }));
      const cpu = async () =>
        (await Promise.all(servers.map((server) => server.cpuSeconds()))).reduce(
          (sum, each) => sum + each,
          0,
        );
      await postFirstLines(doors);
      await postLines(doors, Math.min(seconds, 1));
      const before = [await cpu(), (await nats?.cpuSeconds()) ?? 0] as const;
      const { lines, linesPerSecond } = await postLines(doors, seconds);
      const after = [await cpu(), (await nats?.cpuSeconds()) ?? 0] as const;
      rows.push({
        ...setup,
        linesPerSecond,
        cpuMicrosPerLine: ((after[0] - before[0]) / lines) * 1e6,
        natsCpuMicrosPerLine: ((after[1] - before[1]) / lines) * 1e6,
      });
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await nats?.stop();
  }
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = 3, ...wanted] = process.argv.slice(2).map(Number);
  for (const natsServers of [0, 1, 3] as const) {
    if (wanted.length > 0 && !wanted.includes(natsServers)) continue;
    console.table(await scale(setupsOf(natsServers, [1, 1_000, 10_000]), seconds));
  }
}
