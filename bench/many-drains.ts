/**
 * Does a delivered line cost more when there are more drains? The same load over as many apps, each with one HTTP
 * drain to a receiver in a process of its own; the whole server, on either store. Run: node bench/many-drains.ts [0|1|3 NATS servers…]
 */
import { fileURLToPath } from "node:url";
import { Receiver } from "./drain-rig.ts";
import { postFirstLines, postLines } from "./load.ts";
import { BenchNats, BenchServer } from "./server.ts";

type ManyDrains = {
  readonly natsServers: 0 | 1 | 3;
  readonly drains: number;
  /** From the first line sent until the last was received. */
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
  readonly natsCpuMicrosPerLine: number;
};

/** Runs each number of drains on a store of its own. */
export async function manyDrains(
  natsServers: 0 | 1 | 3,
  drainCounts: readonly number[],
  seconds = 3,
): Promise<ManyDrains[]> {
  const rows: ManyDrains[] = [];
  for (const drains of drainCounts) {
    const nats = natsServers === 0 ? undefined : await BenchNats.start(natsServers);
    const args = nats === undefined ? [] : ["--nats", nats.urls, "--nats-replicas", String(natsServers)];
    const server = await BenchServer.start(args);
    const receiver = await Receiver.open();
    try {
      const names = Array.from({ length: drains }, (_, i) => `bench-${i}`);
      const tokens = await server.tokens(names);
      for (let at = 0; at < drains; at += 50) {
        const some = names.slice(at, at + 50);
        await Promise.all(
          some.map((name) => server.call("POST", `/apps/${name}/log-drains`, { url: receiver.url })),
        );
      }
      const doors = tokens.map((token) => ({ url: server.url, token }));
      const first = await postFirstLines(doors);
      const warm = await postLines(doors, 1);
      await receiver.seconds(first + warm.lines);

      const before = [await server.cpuSeconds(), (await nats?.cpuSeconds()) ?? 0] as const;
      const startedMs = performance.now();
      const { lines } = await postLines(doors, seconds);
      await receiver.seconds(lines);
      const elapsedSeconds = (performance.now() - startedMs) / 1000;
      const after = [await server.cpuSeconds(), (await nats?.cpuSeconds()) ?? 0] as const;
      rows.push({
        natsServers,
        drains,
        linesPerSecond: lines / elapsedSeconds,
        cpuMicrosPerLine: ((after[0] - before[0]) / lines) * 1e6,
        natsCpuMicrosPerLine: ((after[1] - before[1]) / lines) * 1e6,
      });
    } finally {
      receiver.close();
      await server.stop();
      await nats?.stop();
    }
  }
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2).map(Number);
  for (const natsServers of [0, 1, 3] as const) {
    if (!(wanted.length > 0 ? wanted : [0, 1]).includes(natsServers)) continue;
    console.table(await manyDrains(natsServers, [100, 2_000]));
  }
}
