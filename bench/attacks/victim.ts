/**
 * The victims' process: `victim.ts URL {TOKEN SESSION_URL}…`. Other apps, each of which posts one line every 50 ms and tails
 * itself, one after the other. For each number of seconds on its input it says how long their lines took from the post to the
 * tail, and how many were lost.
 */
import http from "node:http";
import https from "node:https";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { frame } from "./attack.ts";
import { clockMs, type Line, lineHeader } from "./steps.ts";

export type Measured = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Lines that were acknowledged and did not reach the tail. */
  readonly lost: number;
  /** Lines that were not acknowledged. */
  readonly refused: number;
  /** Each answer that their posts had instead of 204: a status, an error, or none. */
  readonly refusals: readonly string[];
  /** How much later than due the victims' own timers came, at most: they share a processor with the attacker. */
  readonly ownDelayMs: number;
  /** Lines that reached the tail. */
  readonly lines: readonly Line[];
};

const everyMs = 50;
const lateMsMax = 10_000;
const [, , url = "", ...rest] = process.argv;
const victims = rest.flatMap((token, at) => (at % 2 === 0 ? [{ token, sessionUrl: rest[at + 1]! }] : []));
const { Agent, get, request } = url.startsWith("https:") ? https : http;
https.globalAgent.options.rejectUnauthorized = false; // the certificate is of tests
const agent = new Agent({ keepAlive: true, rejectUnauthorized: false } as http.AgentOptions);
const sentAtMs = new Map<number, number>();
const tailedAtMs = new Map<number, number>();
/** The answer to each line's post: a status, or an error. */
const answers = new Map<number, string>();
const ownLoop = monitorEventLoopDelay({ resolution: 2 });
let number = 0;

/** Resolves when the tail is open. */
const tail = (sessionUrl: string) =>
  new Promise<void>((resolve) => {
    get(sessionUrl, { agent: false, rejectUnauthorized: false } as http.RequestOptions, (response) => {
      let unfinished = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        const lines = (unfinished + text).split("\n");
        unfinished = lines.pop()!;
        for (const line of lines) {
          const at = Number(/ line=(\d+)/.exec(line)?.[1] ?? -1);
          if (sentAtMs.has(at) && !tailedAtMs.has(at)) tailedAtMs.set(at, clockMs());
        }
      });
      resolve();
    });
  });

function post(at: number): void {
  const { token } = victims[at % victims.length]!;
  const body = frame(`a line=${at}`);
  const headers = {
    authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
    "content-type": "application/logplex-1",
    "content-length": Buffer.byteLength(body),
    [lineHeader]: at,
  };
  const sent = request(`${url}/logs`, { method: "POST", agent, headers }, (response) => {
    answers.set(at, String(response.statusCode));
    response.resume();
  });
  sent.on("error", (error: NodeJS.ErrnoException) => answers.set(at, error.code ?? error.message));
  sentAtMs.set(at, clockMs());
  sent.end(body);
}

async function measure(seconds: number): Promise<Measured> {
  const first = number;
  ownLoop.reset();
  ownLoop.enable();
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    post(number++);
    await delay(Math.max(0, startMs + ((number - first) * everyMs) / victims.length - performance.now()));
  }
  const all = Array.from({ length: number - first }, (_, i) => first + i);
  const endMs = performance.now();
  const isOpen = (at: number) => !tailedAtMs.has(at) || !answers.has(at);
  while (all.some(isOpen) && performance.now() - endMs < lateMsMax) await delay(20);
  const refused = all.filter((at) => answers.get(at) !== "204");
  const lines = all.map((at) => ({
    number: at,
    sentMs: sentAtMs.get(at)!,
    tailedMs: tailedAtMs.get(at) ?? Number.POSITIVE_INFINITY,
  }));
  const took = lines.map(({ sentMs, tailedMs }) => tailedMs - sentMs).sort((a, b) => a - b);
  const quantile = (part: number) => took[Math.max(0, Math.ceil(took.length * part) - 1)]!;
  return {
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    lost: all.filter((at) => answers.get(at) === "204" && !tailedAtMs.has(at)).length,
    refused: refused.length,
    refusals: [...new Set(refused.map((at) => answers.get(at) ?? "no answer"))],
    ownDelayMs: ownLoop.max / 1e6,
    lines: lines.filter(({ number }) => tailedAtMs.has(number)),
  };
}

await Promise.all(victims.map(({ sessionUrl }) => tail(sessionUrl)));
console.log("ready");
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await measure(Number(line))));
