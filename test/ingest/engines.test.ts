/** Ingest over the real engines and the real registry: what the scripted log of the other tests only promises. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openEmbedded } from "../../src/engines/embedded.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { shuttleFrame } from "../support/frames.ts";
import { until } from "../support/until.ts";
import { type IngestNode, messages, openNode } from "./node.ts";
import { channelOf } from "./registry.ts";

const clock = realClock;
const retention = {
  ageMsMax: 86_400_000,
  channelBytesMax: 1 << 26,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: 1 << 30,
};
const app = channelOf(1);
const engines = {
  memory: async () => openMemory({ clock, retention }),
  lmdb: async (folder: string) => openEmbedded({ folder, clock, retention }),
};

describe.each(Object.entries(engines))("ingest over %s", (name, openEngine) => {
  let folder: string;
  let engine: Engine;
  let node: IngestNode;
  let token: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tailrace-ingest-"));
    engine = await openEngine(folder);
    node = await openNode(engine);
    token = (await node.tokens.write(app, "app")).token;
  });
  afterEach(async () => {
    await node.close();
    await engine.close();
    await rm(folder, { recursive: true });
  });

  const post = (body: Buffer, headers: Record<string, string> = {}) => node.post(token, body, headers);

  test("every line of many senders at once is stored once, each sender's in its order", async () => {
    const senders = Array.from({ length: 8 }, async (_, sender) => {
      for (let request = 0; request < 20; request++) {
        const lines = Array.from({ length: 5 }, (_, at) => shuttleFrame(`${sender} ${request * 5 + at}`));
        const id = { "x-request-id": `${sender} ${request}` };
        const body = Buffer.concat(lines);
        expect(await post(body, id)).toBe(204);
        if (request % 4 === 0) expect(await post(body, id)).toBe(204); // as a sender that missed the answer
      }
    });
    await Promise.all(senders);
    const stored = await messages(engine, app);
    expect(stored).toHaveLength(800);
    for (let sender = 0; sender < 8; sender++) {
      const own = stored.filter((message) => message.startsWith(`${sender} `));
      expect(own).toEqual(Array.from({ length: 100 }, (_, at) => `${sender} ${at}\n`));
    }
  });

  test("the same request many times at once is stored once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(shuttleFrame("once"), { "logplex-frame-id": "1" })),
    );
    expect(answers).toEqual(Array(20).fill(204));
    expect(await messages(engine, app)).toEqual(["once\n"]);
  });

  if (name === "embedded") {
    test("a request that was stored before a restart is known after it", async () => {
      const body = Buffer.concat(
        Array.from({ length: 5_000 }, (_, i) => shuttleFrame(`line ${i} ${"x".repeat(200)}`)),
      );
      const id = { "logplex-frame-id": "1" };
      expect(await post(body, id)).toBe(204);
      await node.close();
      await engine.close();
      engine = await openEngine(folder);
      node = await openNode(engine);
      expect(await post(body, id)).toBe(204);
      expect(await messages(engine, app)).toHaveLength(5_000);
    });
  }

  test("a token that was revoked writes no more, over HTTP and over an open connection", async () => {
    const socket = connect(node.syslogPort, "127.0.0.1");
    socket.write(shuttleFrame("a", { app: token }));
    await until(async () => (await messages(engine, app)).length === 1);
    await node.tokens.revoke(token);
    await until(
      async () => node.tokens.peek(token) === null || (await node.tokens.find(token)) === undefined,
    );
    expect(await post(shuttleFrame("b"))).toBe(401);
    const other = (await node.tokens.write(app, "heroku")).token;
    socket.end(Buffer.concat([shuttleFrame("c", { app: token }), shuttleFrame("d", { app: other })]));
    await until(async () => (await messages(engine, app)).length > 1);
    expect(await messages(engine, app)).toEqual(["a\n", "d\n"]);
  });

  test("closing stores what a connection had sent before", async () => {
    const sent = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`);
    const socket = connect(node.syslogPort, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(Buffer.concat(sent.map((text) => shuttleFrame(text.trimEnd(), { app: token }))));
    await until(async () => (await messages(engine, app)).length > 0);
    await node.close();
    const stored = await messages(engine, app);
    expect(stored).toEqual(sent.slice(0, stored.length));
  });
});
