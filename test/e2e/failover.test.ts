/**
 * Drain nodes that are cut off from NATS, frozen, killed, added and removed under load, and streams whose leader steps
 * down: the others take over within 10 seconds, nothing is lost, ledgers are exact, repeats are few and told as such.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "nats";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { placeOf } from "../../src/engines/nats/log/shards.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainSheet } from "../../src/registry/drain-sheet.ts";
import { LedgerReceiver, sendNumbered } from "../support/ledger.ts";
import { type Gate, type NatsCluster, openGate, startNats } from "../support/nats.ts";
import { TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** So many that each of three nodes has some of them. */
const appsCount = 24;
const takeoverMsMax = 10_000;
/** A node that is cut off goes on for so long. */
const leaseMsMax = 4_000;

let nats: NatsCluster;
let gate: Gate;
let front: TestServer;
/** Two drain nodes: the other one reaches NATS through the gate. */
let one: TestServer;
let other: TestServer;
let load: Load | undefined;

beforeAll(async () => {
  nats = await startNats();
  gate = await openGate(nats.servers[0]!.port);
  [front, one, other] = await Promise.all([
    TestServer.start(["--nats", nats.urls.join(","), "--roles", "ingest,control,tail"]),
    drainNode(nats.urls.join(",")),
    drainNode(gate.url),
  ]);
}, 60_000);

afterEach(async () => {
  await load?.close();
  load = undefined;
});

afterAll(async () => {
  await Promise.all([front, one, other].map((server) => server?.destroy()));
  await gate?.close();
  await nats?.close();
});

const drainNode = (urls: string, ...args: string[]): Promise<TestServer> =>
  TestServer.start(["--nats", urls, "--roles", "drain", ...args]);

/** Drains that a node runs. */
async function drainsOf(node: TestServer): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(/^tailrace_drain_workers (\d+)$/m.exec(text)?.[1]);
}

/** Resolves when the nodes run all drains, each of them some. */
async function shared(...among: TestServer[]): Promise<void> {
  let each: number[] = [];
  await until(
    async () => {
      each = await Promise.all(among.map(drainsOf));
      return each.every((count) => count > 0) && each.reduce((a, b) => a + b) === appsCount;
    },
    { tell: () => `${appsCount} drains are not shared: ${each}`, msMax: takeoverMsMax },
  );
}

type Drain = { delivered: number; refused: number; lost: number; filtered: number; lag_lines: number };
type Feed = { readonly name: string; readonly id: string; readonly receiver: LedgerReceiver };

/** Numbered lines into several apps, each with one drain, until it is told to stop. */
class Load {
  readonly feeds: readonly Feed[];
  readonly #server: TestServer;
  readonly #stopping = new AbortController();
  readonly #sending: Promise<{ lines: number }[]>;

  private constructor(server: TestServer, feeds: readonly Feed[], tokens: readonly string[]) {
    this.#server = server;
    this.feeds = feeds;
    this.#sending = Promise.all(
      tokens.map((token) =>
        sendNumbered({
          url: () => server.url,
          token,
          sender: 0,
          count: 1_000_000,
          linesEach: 5,
          pauseMs: 60,
          signal: this.#stopping.signal,
        }),
      ),
    );
  }

  static async start(server: TestServer): Promise<Load> {
    const made = await Promise.all(
      Array.from({ length: appsCount }, async (_, number) => {
        const receiver = await LedgerReceiver.open();
        const name = `a${Date.now().toString(36)}-${number}`;
        const { id, tokens } = await server.createApp(name);
        await server.api("POST", `/apps/${name}/log-drains`, { url: receiver.url });
        return { feed: { name, id, receiver }, token: tokens.app! };
      }),
    );
    return new Load(
      server,
      made.map(({ feed }) => feed),
      made.map(({ token }) => token),
    );
  }

  /** The longest time since `sinceMs` in which one of the drains got nothing. */
  silenceMs(sinceMs: number): number {
    const silences = this.feeds.map(({ receiver }) => {
      const times = receiver.requests.map(({ atMs }) => atMs).filter((atMs) => atMs > sinceMs);
      return Math.max(...[...times, Date.now()].map((atMs, i) => atMs - (times[i - 1] ?? sinceMs)));
    });
    return Math.max(...silences);
  }

  /** Lines that came from `fromMs` to `toMs`. */
  taken(fromMs: number, toMs: number): number {
    const requests = this.feeds.flatMap(({ receiver }) => receiver.requests);
    return requests.reduce((sum, { atMs, count }) => sum + (atMs >= fromMs && atMs <= toMs ? count : 0), 0);
  }

  get repeats(): { repeats: number; renamed: number } {
    const all = this.feeds.map(({ receiver }) => receiver.sightings);
    const sum = (of: "repeats" | "renamed") => all.reduce((total, sightings) => total + sightings[of], 0);
    return { repeats: sum("repeats"), renamed: sum("renamed") };
  }

  /** Stops sending and holds every drain to what was acknowledged. */
  async settle(): Promise<void> {
    this.#stopping.abort();
    const sent = await this.#sending;
    for (const [at, { name, receiver }] of this.feeds.entries()) {
      const { lines } = sent[at]!;
      const { sightings } = receiver;
      await until(() => sightings.distinct === lines, {
        tell: () => `${name} got ${sightings.distinct} of ${lines} lines`,
        msMax: 30_000,
      });
      expect(sightings.flaw(1, lines)).toBeUndefined();
      const ledger = async () => (await this.#server.api<Drain[]>("GET", `/apps/${name}/log-drains`))[0]!;
      await until(async () => (await ledger()).lag_lines === 0, {
        tell: () => `${name} lags`,
        msMax: 30_000,
      });
      const { delivered, refused, lost, filtered } = await ledger();
      expect({ delivered, refused, lost, filtered }).toEqual({
        delivered: lines,
        refused: 0,
        lost: 0,
        filtered: 0,
      });
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
    for (const { name } of this.feeds) await this.#server.api("DELETE", `/apps/${name}`);
    await Promise.all(this.feeds.map(({ receiver }) => receiver.close()));
  }
}

test("a drain node that is cut off from NATS loses its drains to the other within 10 seconds, and takes some back", async () => {
  load = await Load.start(front);
  await shared(one, other);
  await delay(1_000);
  const cutAtMs = Date.now();
  gate.block();
  try {
    await shared(one);
    await delay(1_000);
    expect(load.silenceMs(cutAtMs)).toBeLessThan(takeoverMsMax);
  } finally {
    gate.open();
  }
  await shared(one, other);
  await load.settle();
  const { repeats, renamed } = load.repeats;
  expect(repeats).toBeLessThanOrEqual(load.taken(cutAtMs - 1_500, cutAtMs + leaseMsMax));
  expect(renamed).toBe(0);
}, 60_000);

test("a drain node that is frozen for longer than its lease writes nothing when it wakes", async () => {
  const engine = await openNats({
    clock: realClock,
    urls: nats.urls,
    replicas: 1,
    retention: {
      ageMsMax: 604_800_000,
      channelBytesMax: 64 * 2 ** 20,
      channelLinesMax: Number.POSITIVE_INFINITY,
      totalBytesMax: 10 * 2 ** 30,
    },
    logger: pino({ level: "silent" }),
  });
  const watching = new AbortController();
  try {
    load = await Load.start(front);
    await shared(one, other);
    const setBack: string[] = [];
    const last = new Map<string, { readonly line: number; readonly lease: number }>();
    let puts = 0;
    const watched = (async () => {
      for await (const change of engine.store.watch<DrainSheet>("drain-sheet/", watching.signal)) {
        if (change === "ready" || change.value === undefined) continue;
        const { lease, drains } = change.value;
        puts++;
        for (const [id, entry] of Object.entries(drains)) {
          const { line } = entry as DrainCheckpoint;
          const before = last.get(id);
          last.set(id, { line, lease });
          if (before && (line < before.line || lease < before.lease)) setBack.push(id);
        }
      }
    })();
    await delay(500);
    const frozenAtMs = Date.now();
    process.kill(other.pid, "SIGSTOP");
    await shared(one);
    await delay(1_000);
    expect(load.silenceMs(frozenAtMs)).toBeLessThan(takeoverMsMax);
    process.kill(other.pid, "SIGCONT");
    await shared(one, other);
    await load.settle();
    watching.abort();
    await watched;
    expect(puts).toBeGreaterThan(0);
    expect(setBack).toEqual([]);
    const { repeats, renamed } = load.repeats;
    // It wakes with parcels under way, which may arrive once more.
    expect(repeats).toBeLessThanOrEqual(2 * load.taken(frozenAtMs - 1_500, frozenAtMs + 200));
    expect(renamed).toBe(0);
  } finally {
    watching.abort();
    await engine.close();
  }
}, 60_000);

test("a third node takes its part within 10 seconds; killed with -9, its drains move, and what is sent twice keeps its parcel id", async () => {
  load = await Load.start(front);
  await shared(one, other);
  const third = await drainNode(nats.urls.join(","));
  try {
    await shared(one, other, third);
    expect(load.repeats).toEqual({ repeats: 0, renamed: 0 });
    await delay(1_500);
    const killedAtMs = Date.now();
    await third.kill();
    await shared(one, other);
    await delay(500);
    expect(load.silenceMs(killedAtMs)).toBeLessThan(takeoverMsMax);
    await load.settle();
    const { repeats, renamed } = load.repeats;
    expect(repeats).toBeLessThanOrEqual(load.taken(killedAtMs - 1_500, killedAtMs));
    expect(renamed).toBe(0);
    // One that stops in order gives its drains away at once.
    expect(await other.kill("SIGTERM")).toBe(0);
    await shared(one);
  } finally {
    await third.destroy();
  }
}, 60_000);

test("streams whose leader steps down under load lose and repeat nothing", async () => {
  const cluster = await startNats(3);
  const urls = cluster.urls.join(",");
  const replicated = ["--nats-replicas", "3"];
  const [server, node] = await Promise.all([
    TestServer.start(["--nats", urls, "--roles", "ingest,control,tail", ...replicated]),
    drainNode(urls, ...replicated),
  ]);
  try {
    load = await Load.start(server);
    await shared(node);
    const client = await connect({ servers: [...cluster.urls] });
    const { id } = load.feeds[0]!;
    const streams = [placeOf(id as ChannelId, 16).stream, "KV_tailrace"];
    const startedAtMs = Date.now();
    for (const stream of [...streams, ...streams]) {
      const answer = await client.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`);
      expect(answer.json()).toMatchObject({ success: true });
      await delay(1_000);
    }
    await client.close();
    expect(load.silenceMs(startedAtMs)).toBeLessThan(takeoverMsMax);
    await load.settle();
    expect(load.repeats).toEqual({ repeats: 0, renamed: 0 });
  } finally {
    await load?.close();
    load = undefined;
    await Promise.all([server.destroy(), node.destroy()]);
    await cluster.close();
  }
}, 90_000);
