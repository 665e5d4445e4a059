/**
 * What does it cost to take lines and make them durable, beside a fastify server that throws the same bodies away?
 * Bodies of 100 lines of 200 bytes; the two servers take turns, medians are told.
 * Run: node bench/ingest-http.ts [seconds] [rounds]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { type Door, median, postLines } from "./load.ts";
import { BenchServer } from "./server.ts";

/** Lines a second and CPU of the server for a line: ours, durable when acknowledged, and the one that throws away. */
type IngestHttp = {
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
  readonly nullLinesPerSecond: number;
  readonly nullCpuMicrosPerLine: number;
};

const self = fileURLToPath(import.meta.url);

/** Runs both, turn by turn. */
export async function ingestHttp({ seconds = 3, rounds = 5 } = {}): Promise<IngestHttp> {
  const server = await BenchServer.start();
  const sink = fork(self, ["null"]);
  try {
    const [url] = (await once(sink, "message")) as [string];
    const token = await server.token("bench");
    const nullCpuSeconds = async () => {
      sink.send("cpu");
      return ((await once(sink, "message")) as [number])[0];
    };
    const ours = { door: { url: server.url, token }, cpuSeconds: () => server.cpuSeconds() };
    const theirs = { door: { url, token }, cpuSeconds: nullCpuSeconds };
    const figures = {
      ours: { lines: [] as number[], cpu: [] as number[] },
      theirs: { lines: [] as number[], cpu: [] as number[] },
    };
    for (let round = -1; round < rounds; round++) {
      for (const [name, target] of [["ours", ours] as const, ["theirs", theirs] as const]) {
        const found = await measure(target, seconds);
        if (round < 0) continue; // both are warm after the first
        figures[name].lines.push(found.linesPerSecond);
        figures[name].cpu.push(found.cpuMicrosPerLine);
      }
    }
    return {
      linesPerSecond: median(figures.ours.lines),
      cpuMicrosPerLine: median(figures.ours.cpu),
      nullLinesPerSecond: median(figures.theirs.lines),
      nullCpuMicrosPerLine: median(figures.theirs.cpu),
    };
  } finally {
    sink.kill();
    await server.stop();
  }
}

async function measure(
  { door, cpuSeconds }: { door: Door; cpuSeconds: () => Promise<number> },
  seconds: number,
): Promise<{ linesPerSecond: number; cpuMicrosPerLine: number }> {
  const before = await cpuSeconds();
  const { lines, linesPerSecond } = await postLines([door], seconds);
  return { linesPerSecond, cpuMicrosPerLine: (((await cpuSeconds()) - before) / lines) * 1e6 };
}

async function throwAway(): Promise<void> {
  const server = Fastify();
  server.addContentTypeParser("application/logplex-1", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  server.post("/logs", { bodyLimit: 8_000_000 }, (_request, reply) => reply.code(204).send());
  process.send?.(await server.listen({ host: "127.0.0.1", port: 0 }));
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1e6);
  });
}

if (process.argv[1] === self) {
  if (process.argv[2] === "null") await throwAway();
  else
    console.log(
      await ingestHttp({ seconds: Number(process.argv[2] ?? 3), rounds: Number(process.argv[3] ?? 5) }),
    );
}
