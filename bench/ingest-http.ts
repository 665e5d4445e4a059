/**
 * What does it cost to take lines and make them durable, beside a fastify server that throws the same bodies away?
 * Bodies of 100 lines of 200 bytes over kept connections; the two servers take turns, medians are told.
 * Run: node bench/ingest-http.ts [seconds] [rounds]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { BenchServer } from "./server.ts";

export type IngestHttp = {
  /** Lines a second, durable when acknowledged. */
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
  readonly nullLinesPerSecond: number;
  readonly nullCpuMicrosPerLine: number;
};

type Target = { readonly url: string; readonly authorization: string; cpuSeconds(): Promise<number> };
type Round = { readonly linesPerSecond: number; readonly cpuMicrosPerLine: number };

const self = fileURLToPath(import.meta.url);
const linesEach = 100;
const lineBytes = 200;
const connections = 8;

/** Runs both, turn by turn. */
export async function ingestHttp({ seconds = 3, rounds = 5 } = {}): Promise<IngestHttp> {
  const server = await BenchServer.start();
  const sink = fork(self, ["null"]);
  try {
    const [nullUrl] = (await once(sink, "message")) as [string];
    const authorization = `Basic ${Buffer.from(`token:${await server.token("bench")}`).toString("base64")}`;
    const ours: Target = { url: server.url, authorization, cpuSeconds: () => server.cpuSeconds() };
    const theirs: Target = {
      url: nullUrl,
      authorization,
      async cpuSeconds() {
        sink.send("cpu");
        return ((await once(sink, "message")) as [number])[0];
      },
    };
    const oursRounds: Round[] = [];
    const theirRounds: Round[] = [];
    for (const target of [ours, theirs]) await post(target, 1); // both are warm then
    for (let round = 0; round < rounds; round++) {
      oursRounds.push(await post(ours, seconds));
      theirRounds.push(await post(theirs, seconds));
    }
    const median = (of: readonly Round[], figure: keyof Round) =>
      of.map((round) => round[figure]).sort((a, b) => a - b)[of.length >> 1]!;
    return {
      linesPerSecond: median(oursRounds, "linesPerSecond"),
      cpuMicrosPerLine: median(oursRounds, "cpuMicrosPerLine"),
      nullLinesPerSecond: median(theirRounds, "linesPerSecond"),
      nullCpuMicrosPerLine: median(theirRounds, "cpuMicrosPerLine"),
    };
  } finally {
    sink.kill();
    await server.stop();
  }
}

function frame(): Buffer {
  const head = "<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - ";
  const payload = head + "x".repeat(lineBytes - head.length - 5);
  return Buffer.from(`${payload.length + 1} ${payload}\n`);
}

async function post({ url, authorization, cpuSeconds }: Target, seconds: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const body = Buffer.concat(Array.from({ length: linesEach }, frame));
  const headers = {
    authorization,
    "content-type": "application/logplex-1",
    "content-length": body.length,
    "logplex-msg-count": linesEach,
  };
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request(`${url}/logs`, { method: "POST", agent, headers }, (response) => {
        if (response.statusCode !== 204) reject(new Error(`answer ${response.statusCode}`));
        response.resume().on("end", resolve);
      });
      sent.on("error", reject).end(body);
    });
  const cpuBefore = await cpuSeconds();
  const startedMs = performance.now();
  let bodies = 0;
  const sender = async () => {
    for (; performance.now() - startedMs < seconds * 1000; bodies++) await once();
  };
  await Promise.all(Array.from({ length: connections }, sender));
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  const cpu = (await cpuSeconds()) - cpuBefore;
  agent.destroy();
  const lines = bodies * linesEach;
  return { linesPerSecond: lines / elapsedSeconds, cpuMicrosPerLine: (cpu / lines) * 1e6 };
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
  else {
    const found = await ingestHttp({
      seconds: Number(process.argv[2] ?? 3),
      rounds: Number(process.argv[3] ?? 5),
    });
    console.log(found);
    console.log(`CPU a line, ratio: ${(found.cpuMicrosPerLine / found.nullCpuMicrosPerLine).toFixed(2)}`);
  }
}
