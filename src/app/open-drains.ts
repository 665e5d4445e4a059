/** Opens everything about drains, if this node runs them. A part of `app.ts`. */

import { type Config, version } from "../config.ts";
import { newProducerId } from "../core/ids.ts";
import { addressPolicy, loopbackCidrs, sparing } from "../drains/addresses.ts";
import { DrainCensus } from "../drains/census.ts";
import { ConnectionSlots } from "../drains/connections/slots.ts";
import { boundsOf } from "../drains/destination.ts";
import { DrainHistories } from "../drains/drain-histories.ts";
import { DrainTests } from "../drains/drain-tests.ts";
import { HeapGrowth } from "../drains/heap-growth.ts";
import { Leases } from "../drains/leases.ts";
import { Lookups } from "../drains/lookups.ts";
import { NameFiles } from "../drains/name-files.ts";
import { nameResolver } from "../drains/name-resolver.ts";
import type { DrainNotices } from "../drains/notices.ts";
import { OwnEndpoints } from "../drains/own-endpoints.ts";
import { sinksFor } from "../drains/sink-for.ts";
import { BodyPlaces } from "../drains/sinks/body-places.ts";
import { BufferPool } from "../drains/sinks/buffers.ts";
import { DrainSupervisor } from "../drains/supervisor.ts";
import { CheckpointPace } from "../drains/worker/checkpoint/checkpoint-pace.ts";
import { ReadAheadBudget } from "../drains/worker/read-ahead-budget.ts";
import {
  censusLimits,
  checkpointPace,
  drainBodyLimits,
  drainHistoryLimits,
  drainLimits,
  drainShards,
  drainTestLimits,
  encodeBuffersBytesMax,
  gatherMs,
  lookupLimits,
  readAheadBytesMax,
  sharedCommitMsMax,
  sinkLimits,
  slotLimits,
  supervisorLimits,
} from "../limits.ts";
import type { Patterns } from "../patterns/patterns.ts";
import type { Apps } from "../registry/apps.ts";
import type { Base } from "./base.ts";

export type Places = ReturnType<typeof ownEndpoints>;

/** The addresses that drains may send to, and this server's own endpoints, which they may not. */
export function ownEndpoints(config: Config) {
  const policy = addressPolicy([...config.drainAllow, ...(config.dev ? loopbackCidrs : [])]);
  const own = new OwnEndpoints([config.publicUrl, config.ingestUrl].filter((url) => url !== undefined));
  for (const listener of [config.http, config.admin, config.syslog, config.syslogTls, config.relp])
    if (typeof listener === "object") own.listens(listener);
  return { policy, own };
}

type Parts = Places & {
  readonly apps: Apps;
  readonly notices: DrainNotices;
  readonly patterns: Patterns;
};

/** Drains, if this node runs them, their tests, and their recent history. */
export async function openDrains(base: Base, { policy, own, apps, notices, patterns }: Parts) {
  const { scope, config, clock, log, store, logger, failures, has, within } = base;
  const names = nameResolver({ ...lookupLimits, files: new NameFiles() });
  const { resolve } = new Lookups({ ...lookupLimits, clock }, names);
  const sinkFor = sinksFor({
    buffers: new BufferPool(encodeBuffersBytesMax),
    places: new BodyPlaces(drainBodyLimits),
    ...sinkLimits,
    userAgent: `Logplex/tailrace-${version}`,
    policy: sparing(policy, own),
    own,
    clock,
    resolve,
    appName: async (id) => (await apps.get(id))?.name,
  });
  const socketsMax = within("drains", slotLimits.socketsMax);
  const slots = scope.own("drain connections", new ConnectionSlots({ ...slotLimits, socketsMax, clock }));
  const histories = new DrainHistories(drainHistoryLimits);
  const isShared = config.nats !== undefined;
  if (has("drain")) {
    const supervisor = scope.own(
      "drains",
      await DrainSupervisor.open({
        ...supervisorLimits,
        ...(isShared && { shards: drainShards }),
        log,
        store,
        clock,
        random: Math.random,
        sinkFor,
        slots,
        readAhead: new ReadAheadBudget(readAheadBytesMax, { gatherMs }),
        patterns,
        notices,
        heap: new HeapGrowth(),
        limits: isShared ? { ...drainLimits, commitMsMax: sharedCommitMsMax } : drainLimits,
        ...(!isShared && {
          pace: new CheckpointPace({ clock, msMin: drainLimits.commitMsMax, ...checkpointPace }),
        }),
        receiverFor: boundsOf,
        logger,
      }),
    );
    const running = () => supervisor.running();
    const census = { ...censusLimits, running, log, clock, failures, histories };
    scope.own("the census of drains", new DrainCensus(census));
    if (isShared) ownLeases(base, supervisor);
  }
  return { drainTests: new DrainTests({ sinkFor, clock, limits: drainTestLimits }), histories };
}

/** Drain nodes share the drains by leases. */
function ownLeases({ scope, store, clock, failures }: Base, supervisor: DrainSupervisor): void {
  const run = (shard: number, signal: AbortSignal, lease: number) => supervisor.run(shard, signal, lease);
  const node = newProducerId();
  scope.own("leases", new Leases({ store, clock, node, shards: drainShards, run, failures }));
}
