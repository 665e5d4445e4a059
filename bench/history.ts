/**
 * How long does `logs -n 100` take, warm (somebody reads the app) and cold (nobody did), alone and beside 50,000 lines a
 * second of other apps? A session and its stream, to the end, over one kept connection. Run: node bench/history.ts
 */
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { Load } from "./routers/run.ts";
import { send } from "./routers/senders.ts";
import { BenchServer } from "./server.ts";

type History = {
  readonly beside: string;
  readonly reads: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

const coldApps = 300;
const warmReads = 500;
/** Until the code of a read is compiled. */
const warmUpReads = 1_000;
const linesEach = 300;
const otherApps = 10;
const otherLinesPerSecond = 50_000;
const otherSeconds = 12;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Warm and cold, alone and beside others. */
async function history(): Promise<History[]> {
  const rows: History[] = [];
  for (const isBusy of [false, true]) {
    const server = await BenchServer.start();
    const load = new Load();
    try {
      const names = Array.from({ length: coldApps }, (_, at) => `cold-${at}`);
      const senders = await server.tokens(names);
      const port = server.syslogPort;
      const lines = coldApps * linesEach;
      const common = { way: "tcp", port, connections: 1, linesPerSecond: undefined } as const;
      await send({ ...common, senders, lines });
      const others = await server.tokens(Array.from({ length: otherApps }, (_, at) => `other-${at}`));
      const busy = isBusy
        ? load.order({
            ...{ ...common, connections: otherApps, senders: others },
            lines: otherLinesPerSecond * otherSeconds,
            linesPerSecond: otherLinesPerSecond,
          })
        : undefined;
      for (let count = 0; count < warmUpReads; count++) await read(server, names[0]!);
      const cold: number[] = [];
      for (const name of names.slice(1)) cold.push(await read(server, name));
      const warm: number[] = [];
      for (let count = 0; count < warmReads; count++) warm.push(await read(server, names[0]!));
      const beside = isBusy ? `${otherLinesPerSecond} lines/s` : "nothing";
      rows.push(rowOf(`warm, beside ${beside}`, warm), rowOf(`cold, beside ${beside}`, cold));
      await busy;
    } finally {
      load.end();
      await server.stop();
    }
  }
  agent.destroy();
  return rows;
}

function rowOf(beside: string, readsMs: readonly number[]): History {
  const sorted = readsMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)]!;
  return { beside, reads: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Milliseconds from the question until the last line. */
async function read(server: BenchServer, app: string): Promise<number> {
  const startedMs = performance.now();
  const authorization = `Bearer ${server.key}`;
  const session = await answer(server.url, "POST", `/apps/${app}/log-sessions`, authorization, {
    lines: 100,
  });
  const { logplex_url: url } = JSON.parse(session) as { logplex_url: string };
  const text = await answer(url, "GET", "", authorization);
  const tookMs = performance.now() - startedMs;
  const lines = text.split("\n").length - 1;
  if (lines !== 100) throw new Error(`${app} has shown ${lines} of 100 lines`);
  return tookMs;
}

function answer(
  base: string,
  method: string,
  path: string,
  authorization: string,
  body?: object,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization, "content-type": "application/json" };
    const sent = request(base + path, { method, agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("end", () => resolve(text));
    });
    sent.on("error", reject).end(body && JSON.stringify(body));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await history());
