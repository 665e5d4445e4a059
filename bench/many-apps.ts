/**
 * How long does a server with very many apps take to start, and what does it hold for each? Makes them on one folder,
 * each with a token and `lines` lines, then starts again. Run: node bench/many-apps.ts [apps]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { postLines } from "./load.ts";
import { BenchServer } from "./server.ts";

type ManyApps = {
  readonly apps: number;
  /** The time from the start of the process until it listens. */
  readonly startSeconds: number;
  readonly emptyStartSeconds: number;
  /** The memory beyond that of an empty server at that time. */
  readonly bytesPerApp: number;
};

const makersAtOnce = 50;

/** Runs the question once. */
async function manyApps({ apps = 100_000 } = {}): Promise<ManyApps> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-"));
  try {
    const empty = await started(folder);
    const server = await BenchServer.start([], [], folder);
    const tokens: string[] = [];
    for (let at = 0; at < apps; at += makersAtOnce) {
      const some = Array.from({ length: Math.min(makersAtOnce, apps - at) }, (_, i) => `bench-${at + i}`);
      tokens.push(...(await Promise.all(some.map((name) => server.token(name)))));
    }
    // A tenth of them has lines.
    await postLines(
      tokens.slice(0, apps / 10).map((token) => ({ url: server.url, token })),
      5,
    );
    await server.end();
    const full = await started(folder);
    return {
      apps,
      startSeconds: full.seconds,
      emptyStartSeconds: empty.seconds,
      bytesPerApp: (full.bytes - empty.bytes) / apps,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function started(folder: string): Promise<{ seconds: number; bytes: number }> {
  const startedMs = performance.now();
  const server = await BenchServer.start([], [], folder);
  const seconds = (performance.now() - startedMs) / 1000;
  const bytes = await server.memoryBytes();
  await server.end();
  return { seconds, bytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(await manyApps({ apps: Number(process.argv[2] ?? 100_000) }));
