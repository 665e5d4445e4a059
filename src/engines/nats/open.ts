/** The distributed engine: the log and the store on NATS JetStream. */
import type { Logger } from "pino";
import { BackgroundFailures } from "../../background-failures.ts";
import type { Batch } from "../../core/batch/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { recordPrefixes } from "../../core/records/record-keys.ts";
import { type Check, inWords, isCount, isText } from "../../core/records/record-shape.ts";
import { recordUnreadable } from "../../errors/drains.ts";
import { natsShardsDiffer } from "../../errors/nats.ts";
import { dataInPlace } from "../../metrics.ts";
import { type OtherNodes, otherNodesLimits } from "../../other-nodes.ts";
import type { ChannelLog, Clock, Store } from "../../ports.ts";
import type { Retention as Limits } from "../engine.ts";
import { newLogId } from "../incarnation.ts";
import { Appends } from "./log/appends.ts";
import { Expectations } from "./log/expectations.ts";
import { FailingStreams } from "./log/failing-streams.ts";
import { Heads } from "./log/heads.ts";
import { LiveChannels } from "./log/live.ts";
import { NatsLog } from "./log/log.ts";
import { readingParts } from "./log/messages-after.ts";
import { Reader } from "./log/reader.ts";
import { Retention } from "./log/retention.ts";
import { logSubjects } from "./log/shards.ts";
import { Turns } from "./log/turns.ts";
import { NatsOtherNodes } from "./other-nodes.ts";
import { bucketStream, NatsStore } from "./store.ts";
import { ensureStream, logStream, recordStream, type StreamMaker, type Wanted } from "./streams.ts";
import type { ConnectionSettings, ConnectionStatus } from "./wire/connection.ts";
import { Health } from "./wire/health.ts";
import { openConnection, withoutSecrets } from "./wire/open-connection.ts";
import { Publisher } from "./wire/publisher.ts";
import { StreamApi } from "./wire/stream-api.ts";
import type { Wire } from "./wire/wire.ts";

/** A connection to servers that have JetStream. */
export type Served = Wire & {
  streams(): Promise<StreamMaker>;
  status(): ConnectionStatus;
  close(): Promise<void>;
};

export type EngineOptions = {
  readonly clock: Clock;
  readonly retention: Limits;
  /** Copies of each stream: 1 or 3. */
  readonly replicas: number;
  /** Number of the log's streams, fixed when the log is created. Absent: as it was created, or 16. */
  readonly shards?: number;
  readonly logger?: Logger;
  /**
   * A channel's end is recorded after this long without an append; absent: a minute, or a quarter of the retention
   * age.
   */
  readonly headIdleMs?: number;
  /**
   * True: appends check the message before each acknowledged one; false: they never do; absent: as the servers need
   * it.
   */
  readonly checksPredecessor?: boolean;
  /** How long servers that were just started may take to elect their leaders; absent: 20 seconds. */
  readonly settleMsMax?: number;
};

export type NatsOptions = ConnectionSettings &
  EngineOptions & {
    /** A start that takes longer than this logs what it is waiting for; absent: 2 seconds. */
    readonly quietMsMax?: number;
  };

/**
 * The engine's state, for `/readyz` and metrics. `jetstream`: whether lines can be stored, as far as this process
 * knows. `missing`: the streams of the log and the records that somebody deleted, and buckets that were emptied.
 */
export type NatsStatus = ConnectionStatus & {
  readonly jetstream: "ready" | "unavailable";
  readonly missing: readonly string[];
  /** Streams that take no lines, each with its reason. */
  readonly failing: readonly string[];
};

/** An open engine. `close` closes the log, the store and the connection. */
export type NatsEngine = {
  readonly log: ChannelLog;
  readonly store: Store;
  readonly others: OtherNodes;
  status(): NatsStatus;
  close(): Promise<void>;
};

/** The bucket of the Store. */
const recordBucket = "tailrace";
/** The bucket of the engine's own facts: the number of shards, and the ends of idle channels. */
const engineBucket = "tailrace-log";
const buckets = [recordBucket, engineBucket] as const;
const bucketStreams = buckets.map(bucketStream);
const shardsDefault = 16;
const headIdleMsDefault = 60_000;
const quietMsMaxDefault = 2_000;

/**
 * Connects, creates the streams that are missing, and compares those that exist. Rejects with an `AppError` that says
 * what is wrong and how to mend it.
 */
export async function openNats(options: NatsOptions): Promise<NatsEngine> {
  let what = "NATS";
  const { clock, logger, quietMsMax = quietMsMaxDefault } = options;
  const starting = new AbortController();
  const { signal } = starting;
  void clock.sleep(quietMsMax, signal).then(() => {
    const at = options.urls.map(withoutSecrets).join(", ");
    if (!signal.aborted) logger?.info(`waiting for ${what} at ${at}`);
  });
  try {
    const connection = await openConnection(options);
    what = "JetStream";
    return await openOn(connection, options, await historyConnection(connection, options));
  } finally {
    starting.abort();
  }
}

// History has its own connection, so that the data of many readers do not delay everybody's acknowledgements and live
// lines. If these readers take too little, the server drops only that connection.
async function historyConnection(connection: Served, options: NatsOptions): Promise<Served> {
  try {
    return await openConnection({
      ...options,
      name: `${options.name ?? "tailrace"} history`,
      isCounted: false,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Opens the engine on open connections, and closes them if it fails. `history`: the connection for readers of
 * history; absent: the same one.
 */
export async function openOn(
  connection: Served,
  options: EngineOptions,
  history: Served = connection,
): Promise<NatsEngine> {
  try {
    return await compose(connection, history, options);
  } catch (error) {
    await Promise.all([connection.close(), history.close()]);
    throw error;
  }
}

async function compose(wire: Served, history: Served, options: EngineOptions): Promise<NatsEngine> {
  const { retention: limits, replicas, logger, clock } = options;
  const api = new StreamApi(wire, clock);
  const publisher = new Publisher(wire, clock);
  const streams = await wire.streams();
  const ensure = (wanted: Wanted) => ensureStream(streams, clock, wanted, options.settleMsMax);
  await Promise.all(buckets.map((bucket) => ensure(recordStream(bucket, replicas))));
  const [store, own] = storesOf({ wire, api, publisher, clock });
  const shards = await agreedShards(own, options.shards);
  const wanted = Array.from({ length: shards }, (_, shard) => logStream(shard, shards, replicas, limits));
  await Promise.all(wanted.map(ensure));

  const failures = new BackgroundFailures({ logger, nowMs: () => clock.monotonicMs() });
  const id = await agreed(own, recordPrefixes.logId, isText, newLogId);
  const settings = { id, shards, replicas };
  const reader = new Reader(readingParts(wire, api, clock), settings);
  const historyParts = readingParts(history, new StreamApi(history, clock), clock);
  const historyReader = history === wire ? reader : new Reader(historyParts, settings);
  const heads = new Heads({ reader, store: own, idleMs: idleMsOf(options), failures, clock });
  wire.onReconnect(() => heads.forgetAll());
  const retention = new Retention({ reader: historyReader, api, limits, failures });
  const underWay = new Map<ChannelId, Batch>();
  const live = new LiveChannels({ wire, reader, failures, clock, underWay });
  const failing = new FailingStreams({ clock, failures });
  wire.onReconnect(() => failing.reconnected());
  const expectations = new Expectations(wire, api, clock);
  const appends = new Appends({
    publisher,
    reader,
    heads,
    retention,
    turns: new Turns(wire, clock),
    clock,
    failing,
    underWay,
    payloadBytesMax: () => wire.payloadBytesMax,
    live,
    isGone: (stream) => health.missing.some((name) => name === stream || bucketStreams.includes(name)),
    checksPredecessor: (stream) =>
      options.checksPredecessor ?? (replicas > 1 && !expectations.areEnforced(stream)),
  });
  const log = new NatsLog({ reader: historyReader, api, heads, appends, retention, live, clock });
  logger?.info({ ...serverOf(wire), shards, replicas }, "the log is on NATS");
  const health = new Health(wire, clock, {
    subjects: logSubjects,
    streams: wanted.map(({ name }) => name),
    buckets: bucketStreams,
    onMissing: reportMissing(logger),
  });
  let closing: Promise<void> | undefined;
  return {
    log,
    store,
    others: new NatsOtherNodes(wire, clock, otherNodesLimits),
    status() {
      const status = { ...wire.status(), connected: wire.connected && history.connected };
      const jetstream = status.connected && health.isReady ? "ready" : "unavailable";
      return { ...status, jetstream, missing: health.missing, failing: failing.told() };
    },
    close() {
      health.close();
      expectations.close();
      closing ??= closeAll([log, store, own], publisher, [wire, history]);
      return closing;
    },
  };
}

// Ends are recorded before age can remove the channel's last lines.
const idleMsOf = ({ headIdleMs = headIdleMsDefault, retention }: EngineOptions): number =>
  Math.min(headIdleMs, retention.ageMsMax / 4);

const serverOf = (wire: Served) => {
  const { server, version } = wire.status();
  return { server, version };
};

function storesOf(parts: Omit<ConstructorParameters<typeof NatsStore>[0], "bucket">): [NatsStore, NatsStore] {
  return [
    new NatsStore({ ...parts, bucket: recordBucket }),
    new NatsStore({ ...parts, bucket: engineBucket }),
  ];
}

// As the embedded engine tells of files that were removed.
function reportMissing(logger: Logger | undefined): (missing: readonly string[]) => void {
  dataInPlace.set(1);
  return (missing) => {
    dataInPlace.set(missing.length === 0 ? 1 : 0);
    if (missing.length === 0) logger?.info("the streams on NATS are there again");
    else
      logger?.fatal(
        { streams: missing },
        "streams of the log were deleted from NATS, or a bucket of records was deleted or emptied: no line is taken that goes there",
      );
  };
}

async function closeAll(
  parts: readonly { close(): Promise<void> }[],
  publisher: Publisher,
  wires: readonly Served[],
): Promise<void> {
  for (const part of parts) await part.close();
  publisher.close();
  await Promise.all(wires.map((wire) => wire.close()));
}

/** The number of shards that the log was created with. */
async function agreedShards(store: Store, wanted: number | undefined): Promise<number> {
  const found = await agreed(store, recordPrefixes.logShards, isCount, () => wanted ?? shardsDefault);
  if (wanted !== undefined && wanted !== found) throw natsShardsDiffer(wanted, found);
  return found;
}

/** A setting that all processes must agree on; the first process to write it decides. */
async function agreed<Value>(store: Store, key: string, check: Check, make: () => Value): Promise<Value> {
  for (;;) {
    const found = await store.get<Value>(key);
    const flaw = found && check(found.value);
    if (flaw !== undefined) throw recordUnreadable(key, inWords(flaw));
    if (found !== undefined) return found.value;
    await store.put(key, make(), 0);
  }
}
