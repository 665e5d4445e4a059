/** A repeat is the same id and the same bytes: on every engine, over restarts, whichever ingest node it comes to. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { realClock as clock, realClock } from "../../../src/clock.ts";
import { openEmbedded } from "../../../src/engines/embedded.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import { openMemory } from "../../../src/engines/memory.ts";
import { openNats } from "../../../src/engines/nats/open.ts";
import { shuttleFrame } from "../../support/frames.ts";
import { type NatsCluster, startNats } from "../../support/nats.ts";
import { type IngestNode, messages, openNode } from "../node.ts";
import { channelOf } from "../registry.ts";

const retention = {
  ageMsMax: 86_400_000,
  channelBytesMax: 1 << 26,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: 1 << 30,
};
const app = channelOf(1);
let cluster: NatsCluster;
beforeAll(async () => {
  cluster = await startNats();
});
afterAll(() => cluster.close());

/** How an engine is opened, once more after a restart too; and whether two processes may share it. */
const engines = {
  memory: { open: async () => openMemory({ clock, retention }), isKept: false, isShared: false },
  lmdb: {
    open: async (folder: string) => openEmbedded({ folder, clock, retention }),
    isKept: true,
    isShared: false,
  },
  nats: {
    open: async () => openNats({ clock: realClock, urls: cluster.urls, replicas: 1, shards: 1, retention }),
    isKept: true,
    isShared: true,
  },
};

const [one, two] = readFileSync(new URL("../../fixtures/field/reused-request-id.frames", import.meta.url))
  .toString()
  .trimEnd()
  .split("\n")
  .map((body) => Buffer.from(body)) as [Buffer, Buffer];
const id = { "x-request-id": "req-1" };

describe.each(Object.entries(engines))("on %s", (_, { open, isKept, isShared }) => {
  let folder: string;
  /** Engines as processes have them; two nodes take lines. */
  let opened: Engine[];
  let nodes: [IngestNode, IngestNode];
  let token: string;

  async function start(): Promise<void> {
    const first = await open(folder);
    const second = isShared ? await open(folder) : first;
    opened = [...new Set([first, second])];
    nodes = [await openNode(first), await openNode(second)];
  }

  async function stop(): Promise<void> {
    for (const node of nodes) await node.close();
    for (const engine of opened) await engine.close();
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tailrace-repeats-"));
    await start();
    token = (await nodes[0].tokens.write(app, "app")).token;
  });
  afterEach(async () => {
    await opened[0]!.log.destroy(app);
    await stop();
    await rm(folder, { recursive: true });
  });

  const stored = () => messages(opened[0]!, app);

  test("the same id with other bytes is stored, and each body once, whichever node takes it", async () => {
    for (const body of [one, two, one, two])
      for (const node of nodes) expect(await node.post(token, body, id)).toBe(204);
    expect(await stored()).toEqual(["one", "two"]);
  });

  if (isKept) {
    test("after a restart too", async () => {
      expect(await nodes[0].post(token, one, id)).toBe(204);
      await stop();
      await start();
      expect(await nodes[1].post(token, one, id)).toBe(204);
      expect(await nodes[0].post(token, two, id)).toBe(204);
      expect(await stored()).toEqual(["one", "two"]);
    });
  }

  test("a request of several batches, again and changed by one byte at its end", async () => {
    const lines = Array.from({ length: 3_000 }, (_, n) => shuttleFrame(`${n} ${"x".repeat(300)}`));
    const body = Buffer.concat(lines);
    const changed = Buffer.concat([...lines.slice(0, -1), shuttleFrame(`2999 ${"x".repeat(299)}y`)]);
    for (const sent of [body, body, changed]) expect(await nodes[0].post(token, sent, id)).toBe(204);
    expect(await stored()).toHaveLength(6_000);
  });
});
