/** A ledger for every kind of sink on every engine: each line arrives or is counted, exactly. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, test } from "vitest";
import { realClock } from "../../../../src/clock.ts";
import { openEmbedded } from "../../../../src/engines/embedded.ts";
import type { Engine, Retention } from "../../../../src/engines/engine.ts";
import { openMemory } from "../../../../src/engines/memory.ts";
import { openNats } from "../../../../src/engines/nats/open.ts";
import { type NatsCluster, startNats } from "../../../support/nats.ts";
import { keepAll } from "../../rig.ts";
import { kinds } from "./kinds.ts";
import { runLedger } from "./run.ts";

const closers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

const openings: Readonly<Record<string, (retention: Retention) => Promise<Engine>>> = {
  memory: (retention) => openMemory({ clock: realClock, retention }),
  async lmdb(retention) {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-ledger-"));
    closers.push(() => rm(folder, { recursive: true }));
    return openEmbedded({ folder, clock: realClock, logger: pino({ level: "silent" }), retention });
  },
  async nats(retention) {
    const cluster: NatsCluster = await startNats();
    closers.push(() => cluster.close());
    return openNats({ clock: realClock, urls: cluster.urls, replicas: 1, shards: 1, retention });
  },
};

/** So few that an outage outlives them. */
const linesKept = 200;

describe.each(Object.keys(openings))("on %s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openings[name]!(keepAll);
    closers.push(() => engine.close());
  });
  const lease = name === "nats" ? { lease: 1 } : {};

  test.each(Object.keys(kinds).map((kind, n) => ({ kind, seed: n + 1 })))(
    "$kind, seed $seed",
    ({ kind, seed }) => runLedger({ engine, kind, seed, ...lease }),
    60_000,
  );

  test.each(["https", "otlp", "syslog"])("%s, down for longer than retention", async (kind) => {
    const short = await openings[name]!({ ...keepAll, channelLinesMax: linesKept });
    closers.push(() => short.close());
    await runLedger({ engine: short, kind, seed: 1, downUntilLeft: linesKept + 14, ...lease });
  });
});
