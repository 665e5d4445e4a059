/**
 * Drain nodes that are cut off from NATS, frozen, killed, added and removed under load, and streams whose leader steps
 * down: the others take over, nothing is lost, ledgers are exact, and nothing comes again but what was under way. How soon
 * they take over is tested where the clock is held: `test/drains/leases.test.ts`.
 */
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
});

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
    { tell: () => `${appsCount} drains are not shared: ${each}` },
  );
}

type Drain = { delivered: number; refused: number; lost: number; filtered: number; lag_lines: number };
/** Of each drain: how many lines were settled for good, and how many there were. */
type Moment = readonly { readonly settled: number; readonly stored: number }[];
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

  async moment(): Promise<Moment> {
    const ledgers = await Promise.all(this.feeds.map(({ name }) => this.#ledger(name)));
    return ledgers.map(({ delivered, lag_lines }) => ({ settled: delivered, stored: delivered + lag_lines }));
  }

  /** Resolves when every drain has got all that there is now, and more: none of them stands still. */
  async goesOn(): Promise<void> {
    const now = await this.moment();
    for (const [at, { name, receiver }] of this.feeds.entries())
      await until(() => receiver.sightings.distinct > now[at]!.stored, {
        tell: () => `${name} stands still`,
      });
  }

  /**
   * Nothing came again but, at most so many `times`, what was not settled `before` a node was taken away and was stored when
   * it was `away`; and it came under its parcel id.
   */
  expectFewRepeats(before: Moment, away: Moment, times: number): void {
    for (const [at, { receiver }] of this.feeds.entries()) {
      const underWay = away[at]!.stored - before[at]!.settled;
      expect(receiver.sightings.repeats).toBeLessThanOrEqual(times * underWay);
      expect(receiver.sightings.renamed).toBe(0);
    }
  }

  expectNoRepeats(): void {
    for (const { receiver } of this.feeds)
      expect(receiver.sightings).toMatchObject({ repeats: 0, renamed: 0 });
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
      });
      expect(sightings.flaw(1, lines)).toBeUndefined();
      await until(async () => (await this.#ledger(name)).lag_lines === 0, { tell: () => `${name} lags` });
      const { delivered, refused, lost, filtered } = await this.#ledger(name);
      expect({ delivered, refused, lost, filtered }).toEqual({
        delivered: lines,
        refused: 0,
        lost: 0,
        filtered: 0,
      });
    }
  }

  async #ledger(name: string): Promise<Drain> {
    return (await this.#server.api<Drain[]>("GET", `/apps/${name}/log-drains`))[0]!;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
    for (const { name } of this.feeds) await this.#server.api("DELETE", `/apps/${name}`);
    await Promise.all(this.feeds.map(({ receiver }) => receiver.close()));
  }
}

test("a drain node that is cut off from NATS loses its drains to the other, and takes some back", async () => {
  load = await Load.start(front);
  await shared(one, other);
  await load.goesOn();
  const before = await load.moment();
  gate.block();
  let away: Moment;
  try {
    away = await load.moment();
    await shared(one);
    await load.goesOn();
  } finally {
    gate.open();
  }
  await shared(one, other);
  await load.settle();
  load.expectFewRepeats(before, away, 1);
});

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
    await load.goesOn();
    const before = await load.moment();
    process.kill(other.pid, "SIGSTOP");
    const away = await load.moment();
    await shared(one);
    await load.goesOn();
    process.kill(other.pid, "SIGCONT");
    await shared(one, other);
    await load.settle();
    watching.abort();
    await watched;
    expect(puts).toBeGreaterThan(0);
    expect(setBack).toEqual([]);
    load.expectFewRepeats(before, away, 2); // it wakes with parcels under way, which may arrive once more
  } finally {
    watching.abort();
    await engine.close();
  }
});

test("a third node takes its part; killed with -9, its drains move, and what is sent twice keeps its parcel id", async () => {
  load = await Load.start(front);
  await shared(one, other);
  const third = await drainNode(nats.urls.join(","));
  try {
    await shared(one, other, third);
    load.expectNoRepeats();
    await load.goesOn();
    const before = await load.moment();
    await third.kill();
    const away = await load.moment();
    await shared(one, other);
    await load.goesOn();
    await load.settle();
    load.expectFewRepeats(before, away, 1);
    // One that stops in order gives its drains away at once.
    expect(await other.kill("SIGTERM")).toBe(0);
    await shared(one);
  } finally {
    await third.destroy();
  }
});

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
    for (const stream of [...streams, ...streams]) {
      const answer = await client.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`);
      expect(answer.json()).toMatchObject({ success: true });
      await load.goesOn();
    }
    await client.close();
    await load.settle();
    load.expectNoRepeats();
  } finally {
    await load?.close();
    load = undefined;
    await Promise.all([server.destroy(), node.destroy()]);
    await cluster.close();
  }
});
