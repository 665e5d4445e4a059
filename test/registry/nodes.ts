/** Two nodes of one registry over each engine: over NATS each has a connection of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "../../src/clock.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { keepsAll, TestRegistry } from "../support/control-server.ts";
import { startNats } from "../support/nats.ts";

export type Nodes = { readonly nodes: readonly [TestRegistry, TestRegistry]; close(): Promise<void> };

const retention = { ...keepsAll, totalBytesMax: 1 << 30 };

async function nodesOver(engines: readonly Engine[], cleared: () => Promise<unknown>): Promise<Nodes> {
  const nodes = await Promise.all(
    [0, 1].map((n) => TestRegistry.open({ engine: engines[n % engines.length]! })),
  );
  return {
    nodes: nodes as unknown as Nodes["nodes"],
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
      await cleared();
    },
  };
}

export const engines: Readonly<Record<string, () => Promise<Nodes>>> = {
  memory: async () =>
    nodesOver([await openMemory({ clock: realClock, retention: keepsAll })], async () => {}),
  lmdb: async () => {
    const folder = await mkdtemp(join(tmpdir(), "tailrace-nodes-"));
    const engine = await openEmbedded({ folder, clock: realClock, retention });
    return nodesOver([engine], () => rm(folder, { recursive: true }));
  },
  nats: async () => {
    const cluster = await startNats();
    const open = () =>
      openNats({ clock: realClock, urls: cluster.urls, replicas: 1, shards: 1, retention: keepsAll });
    return nodesOver([await open(), await open()], () => cluster.close());
  },
};
