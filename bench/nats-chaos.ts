/**
 * Is the look behind each acknowledged append (decision 002) needed? Three servers, three writers on each of four channels,
 * and one fault after the other: the leader or another server killed with -9, or stopped for seconds as a machine that
 * stalls. Then every acknowledged batch is looked for, and the copies are held beside each other. Meanwhile nodes take the
 * checkpoints of 80 drains from each other, and follow all channels, three of which one node alone writes.
 * Run: NATS_SERVER=… node bench/nats-chaos.ts [SECONDS=100] [looks|trusts=looks] [SEED=1] [all|kills=all]
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type JetStreamManager, type NatsConnection } from "nats";
import { realClock } from "../src/clock.ts";
import type { ChannelId, ProducerId } from "../src/core/ids.ts";
import { origin } from "../src/core/position.ts";
import { streamOf } from "../src/engines/nats/log/shards.ts";
import { type NatsEngine, openNats } from "../src/engines/nats/open.ts";
import { batchesOf, batchOf, channelOf } from "../test/support/batches.ts";
import { type NatsCluster, startNats } from "../test/support/nats.ts";
import { randomFrom } from "../test/support/random.ts";
import { keepCheckpoints } from "./checkpoint-keepers.ts";

const seconds = Number(process.argv[2] ?? 100);
const checksPredecessor = process.argv[3] !== "trusts";
const seed = Number(process.argv[4] ?? 1);
const killsOnly = process.argv[5] === "kills";
const shards = 2;
const pauseMs = 10;
const retention = {
  ageMsMax: 7 * 86_400_000,
  channelBytesMax: Infinity,
  channelLinesMax: Infinity,
  totalBytesMax: 4 * 2 ** 30,
};

const random = randomFrom(seed);
const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
const streams = Array.from({ length: shards }, (_, shard) => streamOf(shard));
const shared = Array.from({ length: 4 }, (_, i) => channelOf(i + 1));
/** The node of the same number writes it without a pause, and nobody else does. */
const ofOne = Array.from({ length: 3 }, (_, i) => channelOf(i + 11));
const channels = [...shared, ...ofOne];
const acknowledged = new Map<ChannelId, Set<string>>(channels.map((id) => [id, new Set()]));
const latenciesMs: number[] = [];
let writing = true;
let failed = 0;

/** A sender: with dedup ids it sends again until it is told that it is stored, without it goes on. */
async function send({ log }: NatsEngine, node: number, channel: ChannelId, withIds: boolean): Promise<void> {
  const producer = `node${node}${withIds ? "i" : ""}` as ProducerId;
  for (let line = 0; writing; line++) {
    const name = `${producer}.${line}`;
    const batch = batchOf([name], { producer, firstLine: line, ...(withIds && { dedupId: name }) });
    const began = performance.now();
    let isStored = false;
    do {
      isStored = await log.append(channel, batch).then(
        () => true,
        () => false,
      );
      if (!isStored) failed++;
    } while (!isStored && withIds && writing);
    if (isStored) acknowledged.get(channel)!.add(name);
    latenciesMs.push(performance.now() - began);
    await delay(pauseMs);
  }
}

/** A live reading: the line that comes next, and how often another one came. */
type Heard = { readonly channel: ChannelId; due: number; gaps: number };

function hear({ log }: NatsEngine, channel: ChannelId): Heard {
  const heard: Heard = { channel, due: 0, gaps: 0 };
  void (async () => {
    const from = { kind: "after", position: origin } as const;
    for await (const { line, count } of batchesOf(log.follow(channel, from, new AbortController().signal))) {
      if (line !== heard.due) heard.gaps++;
      heard.due = line + count;
    }
  })();
  return heard;
}

/** Counts the live readings that still lack lines, or had a gap, up to ten seconds after the last write. */
async function misheard(all: readonly Heard[], { log }: NatsEngine): Promise<number> {
  const ends = new Map<ChannelId, number>();
  for (const channel of channels) ends.set(channel, (await log.recent(channel, 1)).end.line);
  const wrong = () => all.filter(({ channel, due, gaps }) => gaps > 0 || due !== ends.get(channel)).length;
  for (let tries = 0; wrong() > 0 && tries < 100; tries++) await delay(100);
  return wrong();
}

/** Waits until every copy of every stream is complete, for at most 30 seconds. */
async function settled(manager: JetStreamManager): Promise<void> {
  for (const untilMs = performance.now() + 30_000; performance.now() < untilMs; await delay(200)) {
    const infos = await Promise.all(streams.map((name) => manager.streams.info(name).catch(() => undefined)));
    const isWell = infos.every(
      (info) =>
        info?.cluster?.leader !== undefined &&
        info.cluster.replicas?.length === 2 &&
        info.cluster.replicas.every(({ current, offline }) => current && offline !== true),
    );
    if (isWell) return;
  }
}

async function faults(cluster: NatsCluster, manager: JetStreamManager): Promise<string[]> {
  const done: string[] = [];
  for (const untilMs = performance.now() + seconds * 1000; performance.now() < untilMs; ) {
    await settled(manager);
    await delay(500 + random() * 1500);
    const info = await manager.streams.info(pick(streams)).catch(() => undefined);
    const leader = Number(info?.cluster?.leader?.slice(1) ?? 0);
    const isLeader = random() < 0.75;
    const victim = cluster.servers[isLeader ? leader : (leader + 1) % 3]!;
    const isKill = killsOnly || random() < 0.5;
    done.push(`${isKill ? "kill" : "stop"}${isLeader ? "" : " other"}`);
    if (isKill) {
      await victim.kill();
      await delay(random() * 3000);
      await victim.start();
    } else {
      victim.pause();
      await delay(1000 + random() * 8000);
      victim.resume();
    }
  }
  await settled(manager);
  return done;
}

/** One hash of all messages of a stream, as its leader has them. */
async function copyOf(admin: NatsConnection, stream: string, last: number): Promise<string> {
  const hash = createHash("sha256");
  let messages = 0;
  for (let at = 1; at <= last; at += 128) {
    const sequences = Array.from({ length: Math.min(128, last - at + 1) }, (_, i) => at + i);
    const ask = (seq: number) =>
      admin.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq }), { timeout: 10_000 });
    for (const answer of await Promise.all(sequences.map(ask))) {
      const { message } = JSON.parse(answer.string()) as { message?: { seq: number; data: string } };
      if (message === undefined) continue;
      messages++;
      hash.update(`${message.seq} ${message.data}\n`);
    }
  }
  return `${messages} ${hash.digest("base64url").slice(0, 12)}`;
}

/** Makes each server the leader in turn, as often as that takes; how many streams' copies differ. */
async function differences(admin: NatsConnection, manager: JetStreamManager): Promise<string[]> {
  const found: string[] = [];
  for (const stream of streams) {
    const copies = new Map<string, string>();
    for (let tries = 0; copies.size < 3 && tries < 40; tries++) {
      const { cluster, state } = await manager.streams.info(stream);
      const leader = cluster?.leader;
      if (leader !== undefined && !copies.has(leader))
        copies.set(leader, await copyOf(admin, stream, state.last_seq));
      await admin.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, "", { timeout: 5000 }).catch(() => {});
      await settled(manager);
    }
    if (new Set(copies.values()).size > 1)
      found.push([...copies].map(([server, copy]) => `${server}: ${copy}`).join(", "));
  }
  return found;
}

async function counted({ log }: NatsEngine) {
  const found = { acknowledged: 0, lost: 0, twice: 0, gaps: 0, stored: 0 };
  for (const channel of channels) {
    const { end } = await log.recent(channel, 1);
    const stop = new AbortController();
    const seen = new Map<string, number>();
    let due = 0;
    const from = { kind: "after", position: origin } as const;
    for await (const { line, count, producer, firstLine } of batchesOf(
      log.follow(channel, from, stop.signal),
    )) {
      if (line !== due) found.gaps++;
      due = line + count;
      const name = `${producer}.${firstLine}`;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (due >= end.line) break;
    }
    stop.abort();
    found.stored += due;
    for (const [name, times] of seen) {
      if (times === 1) continue;
      found.twice++;
      console.error(`${name} is there ${times} times`);
    }
    const names = acknowledged.get(channel)!;
    found.acknowledged += names.size;
    for (const name of names) if (!seen.has(name)) found.lost++;
  }
  return found;
}

const cluster = await startNats(3);
const engines: NatsEngine[] = [];
try {
  const open = (first: number) => {
    const urls = [...cluster.urls.slice(first), ...cluster.urls.slice(0, first)];
    return openNats({ clock: realClock, urls, replicas: 3, shards, retention, checksPredecessor });
  };
  for (const node of [0, 1, 2]) engines.push(await open(node));
  const admin = await connect({ servers: [...cluster.urls], maxReconnectAttempts: -1 });
  const manager = await admin.jetstreamManager({ checkAPI: false, timeout: 2000 });
  const sending = engines.flatMap((engine, node) =>
    [...shared, ofOne[node]!].flatMap((channel) => [
      send(engine, node, channel, true),
      send(engine, node, channel, false),
    ]),
  );
  const hearing = engines.flatMap((engine) => channels.map((channel) => hear(engine, channel)));
  const keeping = keepCheckpoints(
    engines.map(({ store }) => store),
    () => Math.floor(random() * engines.length),
    () => !writing,
  );
  const done = await faults(cluster, manager);
  writing = false;
  const checkpoints = await keeping;
  await Promise.all(sending);
  await settled(manager);
  const found = { ...(await counted(engines[0]!)), misheard: await misheard(hearing, engines[1]!) };
  const messages = (await Promise.all(streams.map((name) => manager.streams.info(name)))).map(
    ({ state }) => state.messages,
  );
  const differing = await differences(admin, manager);
  latenciesMs.sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      server: admin.info?.version,
      checksPredecessor,
      seed,
      seconds,
      faults: done.length,
      ...found,
      checkpoints,
      void: messages.reduce((sum, each) => sum + each, 0) - found.stored,
      differing,
      failed,
      p50Ms: Math.round(latenciesMs[latenciesMs.length >> 1]!),
      maxMs: Math.round(latenciesMs.at(-1)!),
      done: done.join(" "),
    }),
  );
  await admin.close();
} finally {
  await Promise.all(engines.map((engine) => engine.close()));
  await cluster.close();
}
process.exit(0);
