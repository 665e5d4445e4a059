/** One server: it goes and comes back, cuts a slow reader off, is not as it should be. */
import { cp, rename, rm } from "node:fs/promises";
import { connect } from "nats";
import type { Logger } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { StoredBatch } from "../../src/core/batch/batch.ts";
import type { ChannelId, ProducerId } from "../../src/core/ids.ts";
import { origin, type Position } from "../../src/core/position.ts";
import type { Retention } from "../../src/engines/engine.ts";
import { placeOf } from "../../src/engines/nats/log/shards.ts";
import { type NatsEngine, type NatsOptions, openNats } from "../../src/engines/nats/open.ts";
import type { StoreChange } from "../../src/ports.ts";
import {
  batchesOf,
  batchOf,
  batchOfBytes,
  channelOf,
  takeFollowed,
  takeLines,
  textsOf,
} from "../support/batches.ts";
import { type NatsCluster, openGate, startNats } from "../support/nats.ts";
import { until } from "../support/until.ts";

const keepsAll: Retention = {
  ageMsMax: 7 * 86_400_000,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: 1_000_000_000,
};
const app = channelOf(1);
const start = { kind: "after", position: origin } as const;

let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

const servers = async (...args: Parameters<typeof startNats>): Promise<NatsCluster> => {
  const cluster = await startNats(...args);
  cleanups.push(() => cluster.close());
  return cluster;
};
const open = async (urls: readonly string[], options: Partial<NatsOptions> = {}): Promise<NatsEngine> => {
  const engine = await openNats({
    clock: realClock,
    urls,
    replicas: 1,
    shards: 2,
    retention: keepsAll,
    ...options,
  });
  cleanups.push(() => engine.close());
  return engine;
};
const collect = ({ log }: NatsEngine, into: StoredBatch[]) => {
  const stop = new AbortController();
  cleanups.push(() => stop.abort());
  void (async () => {
    for await (const batch of batchesOf(log.follow(app, start, stop.signal))) into.push(batch);
  })();
};
const lines = (batches: readonly StoredBatch[]) => batches.map(({ line }) => line);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a server that is killed and started again", () => {
  test("keeps what was acknowledged; appends, followers and watchers go on by themselves", async () => {
    const {
      servers: [server],
      urls,
    } = await servers();
    const engine = await open(urls);
    const seen: StoredBatch[] = [];
    collect(engine, seen);
    const changes: (StoreChange | "ready")[] = [];
    const stop = new AbortController();
    cleanups.push(() => stop.abort());
    void (async () => {
      for await (const change of engine.store.watch("drain/", stop.signal)) changes.push(change);
    })();
    const append = (i: number) => engine.log.append(app, batchOf([`${i}`], { firstLine: i }));
    for (let i = 0; i < 50; i++) await append(i);
    await until(() => changes.includes("ready"));

    await server!.kill();
    // It has two connections: each notices by itself, and comes back by itself.
    await until(() => engine.status().jetstream === "unavailable");
    const waiting = [append(50), append(51), engine.store.put("drain/1", "during", 0)];
    await server!.start();
    await Promise.all(waiting);
    await until(() => engine.status().connected);
    expect(engine.status()).toMatchObject({
      reconnects: 1,
      version: expect.stringMatching(/^2\./),
    });
    for (let i = 52; i < 60; i++) await append(i);
    await until(() => seen.length >= 60);
    expect(lines(seen)).toEqual(upTo(60));
    await until(() => changes.length === 2);
    expect(changes[1]).toMatchObject({ key: "drain/1", value: "during" });
  });

  test("appends that wait longer than they may are refused", async () => {
    const {
      servers: [server],
      urls,
    } = await servers();
    const engine = await open(urls);
    await server!.kill();
    // Stored, perhaps, by a server whose answer did not come: the text must not say that nothing was.
    await expect(engine.log.append(app, batchOf(["a"]))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("may be stored or not"),
      mend: expect.stringContaining("same Logplex-Frame-Id"),
    });
  });
});

describe("servers that come back with less than they had", () => {
  /** Their folder as it is now, to be put back later. */
  const saved = async (folder: string) => {
    const copy = `${folder}.copy`;
    await cp(folder, copy, { recursive: true });
    cleanups.push(() => rm(copy, { recursive: true, force: true }));
    return async () => {
      await rm(folder, { recursive: true });
      await rename(copy, folder);
    };
  };

  test("a reader that comes back and one that stayed are told, whatever was written since", async () => {
    const { servers: all, urls, folder } = await servers();
    const [server] = all;
    const engine = await open(urls);
    let firstLine = 0;
    const append = (text: string) => engine.log.append(app, batchOf([text], { firstLine: firstLine++ }));
    const kept = [(await append("a")).position, (await append("b")).position];
    await server!.kill();
    const restore = await saved(folder);
    await server!.start();
    await until(() => engine.status().connected);

    const stop = new AbortController();
    cleanups.push(() => stop.abort());
    const seen: unknown[] = [];
    const staying = (async () => {
      for await (const each of engine.log.follow(app, start, stop.signal))
        seen.push(each === "foreign" ? each : textsOf(each));
    })();
    await until(() => seen.length === 2);
    const lost = [(await append("c")).position, (await append("d")).position];
    await until(() => seen.length === 4);
    await server!.kill();
    await restore();
    await server!.start();
    await until(() => engine.status().connected);
    for (const text of ["x", "y", "z"]) await append(text);

    // It ends, and comes back with the place of what it saw last.
    await staying;
    expect(seen).toEqual([["a"], ["b"], ["c"], ["d"]]);
    const followed = (position: Position, count: number) =>
      takeFollowed(engine.log.follow(app, { kind: "after", position }, stop.signal), count);
    for (const position of lost) expect(await followed(position, 3)).toEqual(["foreign", ["a"], ["b"]]);
    expect(await followed(kept[0]!, 2)).toEqual([["b"], ["x"]]);
    expect(await followed(kept[1]!, 3)).toEqual([["x"], ["y"], ["z"]]);
  });

  test("a place that they have lost is told before others are there", async () => {
    const { servers: all, urls, folder } = await servers();
    const engine = await open(urls);
    await engine.log.append(app, batchOf(["a"]));
    await all[0]!.kill();
    const restore = await saved(folder);
    await all[0]!.start();
    const { position } = await engine.log.append(app, batchOf(["b"], { firstLine: 1 }));
    await all[0]!.kill();
    await restore();
    await all[0]!.start();
    const again = await open(urls);
    const following = again.log.follow(app, { kind: "after", position }, new AbortController().signal);
    expect(await takeFollowed(following, 2)).toEqual(["foreign", ["a"]]);
  });
});

const deletions = [
  ["the log", "tailrace-log-1", "delete"],
  ["the records", "KV_tailrace", "delete"],
  ["the engine's own records", "KV_tailrace-log", "delete"],
  ["the records", "KV_tailrace", "purge"],
] as const;

test.each(deletions)("a stream of %s (%s: %s) is told, until it is there again", async (_, name, how) => {
  const { urls } = await servers();
  const engine = await open(urls);
  const channels = Array.from({ length: 8 }, (_, n) => channelOf(n));
  const append = (channel: ChannelId) => engine.log.append(channel, batchOf(["a"]));
  const inStream = name.startsWith("KV_") ? channels : channels.filter((one) => placeOf(one, 2).shard === 1);
  await engine.store.put("app/x", { name: "x" }, 0);
  await Promise.all(channels.map(append));
  const connection = await connect({ servers: urls[0]! });
  cleanups.push(() => connection.close());
  const { streams } = await connection.jetstreamManager();
  const { config } = await streams.info(name);
  let asked = 0;
  connection.subscribe(`$JS.API.STREAM.INFO.${name}`, { callback: () => asked++ });
  if (name.startsWith("KV_")) await until(() => asked > 0); // it has seen a record there
  expect(engine.status().missing).toEqual([]);

  await streams[how](name);
  await until(() => engine.status().missing.length > 0);
  expect(engine.status()).toMatchObject({ connected: true, jetstream: "ready", missing: [name] });
  // What nobody could read is refused, and at once: no acknowledgement would come, or one that is worth nothing.
  expect(inStream.length).toBeGreaterThan(0);
  for (const channel of inStream)
    await expect(append(channel)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("nothing was stored"),
    });

  if (how === "delete") await streams.add(config);
  if (name.startsWith("KV_")) await connection.jetstream().publish(`$KV.${name.slice(3)}.app.x`, "{}");
  await until(() => engine.status().missing.length === 0);
  await Promise.all(channels.map(append));
});

describe("streams that somebody empties by hand", () => {
  const empty = async (url: string) => {
    const connection = await connect({ servers: url });
    const { streams } = await connection.jetstreamManager();
    for await (const { config } of streams.list())
      if (/^tailrace-log-/.test(config.name)) await streams.purge(config.name);
    await connection.close();
  };
  const fromAfter = (position: Position) => ({ kind: "after", position }) as const;
  const ever = new AbortController().signal;

  test("the process that writes goes on with its numbers: what is gone is an exact number", async () => {
    const { urls } = await servers();
    const { log } = await open(urls);
    const { position } = await log.append(app, batchOf(["a", "b"]));
    await log.append(app, batchOf(["c", "d", "e"], { firstLine: 2 }));
    await empty(urls[0]!);
    await log.append(app, batchOf(["f"], { firstLine: 5 }));
    expect(lines(await takeLines(log.follow(app, fromAfter(position), ever), 1))).toEqual([5]);
    expect(await log.lineAfter(app, position)).toBe(2);
  });

  test("where another goes on with numbers that were used, who had read them is told", async () => {
    const { urls } = await servers();
    const first = await open(urls);
    await first.log.append(app, batchOf(["a", "b"]));
    await first.close(); // writes down that two lines were there
    const second = await open(urls);
    const places: Position[] = [];
    for (const [n, text] of ["c", "d", "e"].entries())
      places.push((await second.log.append(app, batchOf([text], { firstLine: n }))).position);
    await empty(urls[0]!);
    const { log } = await open(urls);
    const waiting = takeLines(log.follow(app, fromAfter(places[2]!), ever), 1);
    await log.append(app, batchOf(["x", "y"], { producer: "third" as ProducerId }));
    expect(await waiting).toEqual([]); // it ends, and comes back
    for (const place of places)
      expect(await takeFollowed(log.follow(app, fromAfter(place), ever), 2)).toEqual(["foreign", ["x", "y"]]);
  });
});

test("a JetStream without room says whose disk it is", async () => {
  const { urls } = await servers(1, { room: "1MB" });
  const engine = await open(urls, { retention: { ...keepsAll, totalBytesMax: Infinity } });
  const large = () => engine.log.append(app, batchOf(["x".repeat(200_000)]));
  const filling = (async () => {
    for (let i = 0; i < 10; i++) await large();
  })();
  await expect(filling).rejects.toMatchObject({
    code: "STORE_FULL",
    message: expect.stringContaining("JetStream"),
    mend: expect.stringContaining("max_file_store"),
  });
  // The records have room, so nothing else tells the operator.
  const { stream } = placeOf(app, 2);
  expect(engine.status()).toMatchObject({ jetstream: "ready", missing: [] });
  expect(engine.status().failing).toEqual([
    expect.stringContaining(`${stream} takes no lines (NATS refused`),
  ]);
  const connection = await connect({ servers: urls[0]! });
  cleanups.push(() => connection.close());
  await (await connection.jetstreamManager()).streams.purge(stream);
  await engine.log.append(app, batchOf(["x"]));
  expect(engine.status().failing).toEqual([]);
});

describe("two processes that write to one channel without a pause", () => {
  test("both get their turns", async () => {
    const { urls } = await servers();
    const nodes = [await open(urls), await open(urls)];
    const counts = [0, 0];
    const endMs = performance.now() + 1500;
    await Promise.all(
      nodes.map(async ({ log }, node) => {
        for (let i = 0; performance.now() < endMs; i++) {
          await log.append(app, batchOf(["x"], { producer: `node${node}` as ProducerId, firstLine: i }));
          counts[node]!++;
        }
      }),
    );
    expect(Math.min(...counts)).toBeGreaterThan(Math.max(...counts) / 10);
    expect((await nodes[0]!.log.recent(app, 1)).end.line).toBe(counts[0]! + counts[1]!);
  });
});

describe("a reader that the server cuts off", () => {
  test("reads what it missed and goes on: no gap, no repeat", async () => {
    const cluster = await servers(1, { config: 'max_pending: 1MB\nwrite_deadline: "1s"' });
    const gate = await openGate(cluster.servers[0]!.port);
    cleanups.push(() => gate.close());
    const writer = await open(cluster.urls);
    const reader = await open([gate.url]);
    const seen: StoredBatch[] = [];
    collect(reader, seen);
    const append = (i: number) => writer.log.append(app, batchOfBytes(50_000, { firstLine: i }));
    for (let i = 0; i < 20; i++) await append(i);
    await until(() => seen.length === 20);
    gate.block();
    for (let i = 20; i < 400; i++) await append(i);
    gate.open();
    await until(() => seen.length >= 400);
    expect(lines(seen)).toEqual(upTo(400));
    expect(reader.status().reconnects).toBeGreaterThan(0);
  });
});

describe("retention by the server's own time", () => {
  test("no line number is used twice when everything was trimmed, in this process or another", async () => {
    const { urls } = await servers();
    const options = { retention: { ...keepsAll, ageMsMax: 2000 }, headIdleMs: 100 };
    const one = await open(urls, options);
    await one.log.append(app, batchOf(["a", "b"]));
    await one.log.append(app, batchOf(["c"], { firstLine: 2 }));
    const { end } = await one.log.recent(app, 1);
    await until(async () => (await one.log.recent(app, Infinity)).batches.length === 0);
    expect((await one.log.recent(app, 1)).end).toEqual(end);
    const late = takeLines(one.log.follow(app, start, new AbortController().signal), 2);
    await one.log.append(app, batchOf(["d"], { firstLine: 3 }));
    const other = await open(urls, options);
    await other.log.append(app, batchOf(["e"], { producer: "other" as ProducerId }));
    expect(lines(await late)).toEqual([3, 4]);
    await until(async () => (await other.log.recent(app, Infinity)).batches.length === 0);
    const third = await open(urls, options);
    await third.log.append(app, batchOf(["f"], { producer: "third" as ProducerId }));
    expect(lines((await third.log.recent(app, 1)).batches)).toEqual([5]);
  });
});

describe("batches larger than a message may be", () => {
  test("go in several messages, and once, also when they are sent again", async () => {
    const { urls } = await servers();
    const engine = await open(urls);
    const texts = Array.from({ length: 40 }, (_, i) => `${i} ${"x".repeat(100_000)}`);
    const big = batchOf(texts, { dedupId: "big" });
    const first = await engine.log.append(app, big);
    const again = await engine.log.append(app, { ...big, producer: "again" as ProducerId });
    expect(first.repeated).toBe(false);
    expect(again).toEqual({ position: first.position, repeated: true });
    const { batches, end } = await engine.log.recent(app, Infinity);
    expect(batches.flatMap(textsOf)).toEqual(texts);
    expect(batches.length).toBeGreaterThan(3);
    expect(end).toEqual({ position: first.position, line: 40 });
    let next = 0;
    for (const { line, firstLine, count } of batches) {
      expect([line, firstLine]).toEqual([next, next]);
      next += count;
    }
  });
});

describe("what is wrong at start is said", () => {
  test("nobody answers", async () => {
    const urls = ["nats://name:secret@127.0.0.1:1"];
    const opening = openNats({ clock: realClock, urls, replicas: 1, retention: keepsAll, connectMsMax: 300 });
    await expect(opening).rejects.toMatchObject({ code: "NATS_UNREACHABLE" });
    await expect(opening).rejects.not.toThrow(/secret/);
    await expect(opening).rejects.toThrow("nats://127.0.0.1:1");
  });

  test("nobody answers for a while: the log says what is waited for, without its password", async () => {
    const said: string[] = [];
    const logger = { info: (text: string) => said.push(text) } as unknown as Logger;
    const urls = ["nats://name:secret@127.0.0.1:1"];
    const opening = openNats({
      clock: realClock,
      urls,
      replicas: 1,
      retention: keepsAll,
      connectMsMax: 300,
      quietMsMax: 1,
      logger,
    });
    await expect(opening).rejects.toMatchObject({ code: "NATS_UNREACHABLE" });
    expect(said).toEqual(["waiting for NATS at nats://127.0.0.1:1"]);
  });

  test("credentials that are not taken", async () => {
    const { urls } = await servers(1, { config: "authorization { user: a, password: b }" });
    await expect(open(urls)).rejects.toMatchObject({ code: "NATS_REFUSED" });
  });

  test("streams of another configuration, with the difference", async () => {
    const { urls } = await servers();
    await (await open(urls)).close();
    const other = open(urls, { retention: { ...keepsAll, totalBytesMax: 2_000_000_000 } });
    await expect(other).rejects.toMatchObject({ code: "NATS_STREAM_DIFFERS" });
    await expect(other).rejects.toThrow("max_bytes: wanted 1000000000, found 500000000");
    await expect(open(urls, { shards: 3 })).rejects.toMatchObject({ code: "NATS_SHARDS_DIFFER" });
    await expect(open(urls)).resolves.toBeDefined();
  });

  test("more copies than servers", async () => {
    const { urls } = await servers();
    await expect(open(urls, { replicas: 3, settleMsMax: 500 })).rejects.toMatchObject({
      code: "NATS_STREAM_REFUSED",
    });
  });

  test("a fresh server needs no preparation: sixteen shards by default", async () => {
    const { urls } = await servers();
    const engine = await openNats({ clock: realClock, urls, replicas: 1, retention: keepsAll });
    cleanups.push(() => engine.close());
    await Promise.all(upTo(50).map((i) => engine.log.append(channelOf(i), batchOf([`${i}`]))));
    const { batches } = await engine.log.recent(channelOf(7), 1);
    expect(batches.flatMap(textsOf)).toEqual(["7"]);
    expect(engine.status().version).toMatch(/^\d+\.\d+\.\d+/);
  });
});
