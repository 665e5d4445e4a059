/**
 * The victim's process: `victim.ts URL TOKEN SESSION_URL`. Another app, which posts one line every 50 ms and tails itself.
 * For each number of seconds on its input it says how long its lines took from the post to the tail, and how many were lost.
 */
import { Agent, get, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { frame } from "./attack.ts";

export type Measured = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Acknowledged, and not seen by the tail. */
  readonly lost: number;
  /** Not acknowledged. */
  readonly refused: number;
};

const everyMs = 50;
const lateMsMax = 10_000;
const [, , url = "", token = "", sessionUrl = ""] = process.argv;
const agent = new Agent({ keepAlive: true });
const sentAtMs = new Map<number, number>();
const tookMs = new Map<number, number>();
const acknowledged = new Set<number>();
let number = 0;
let rest = "";

get(sessionUrl, { agent: false }, (response) => {
  response.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const at = Number(/ line=(\d+)/.exec(line)?.[1] ?? -1);
      const sent = sentAtMs.get(at);
      if (sent !== undefined && !tookMs.has(at)) tookMs.set(at, performance.now() - sent);
    }
  });
  console.log("ready");
});

function post(at: number): void {
  const body = frame(`a line=${at}`);
  const headers = {
    authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
    "content-type": "application/logplex-1",
    "content-length": Buffer.byteLength(body),
  };
  const sent = request(`${url}/logs`, { method: "POST", agent, headers }, (response) => {
    if (response.statusCode === 204) acknowledged.add(at);
    response.resume();
  });
  sent.on("error", () => {});
  sentAtMs.set(at, performance.now());
  sent.end(body);
}

async function measure(seconds: number): Promise<Measured> {
  const first = number;
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    post(number++);
    await delay(Math.max(0, startMs + (number - first) * everyMs - performance.now()));
  }
  const all = Array.from({ length: number - first }, (_, i) => first + i);
  const endMs = performance.now();
  while (all.some((at) => !tookMs.has(at)) && performance.now() - endMs < lateMsMax) await delay(20);
  const took = all.map((at) => tookMs.get(at) ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const quantile = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))]!;
  return {
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    lost: all.filter((at) => acknowledged.has(at) && !tookMs.has(at)).length,
    refused: all.filter((at) => !acknowledged.has(at)).length,
  };
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await measure(Number(line))));
