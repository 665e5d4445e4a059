/** `GET /v3/channels/X/logs` by clients with a key that do not read what they asked for. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { Tails } from "../../src/tail/tails.ts";
import { turns } from "../../src/turns.ts";
import { ControlServer, operatorSecret, TestRegistry } from "../support/control-server.ts";
import { shuttleFrame } from "../support/frames.ts";
import { kept } from "../support/kept.ts";
import { anonymousBytes } from "../support/process-figures.ts";
import { RawClient } from "../support/raw-client.ts";
import { stores, TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

const MiB = 1024 * 1024;

const ask = (key: string, num: number): string =>
  `GET /v3/channels/todo/logs?num=${num} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`;

async function openReader(url: string, num: number, { key = operatorSecret } = {}) {
  const client = await RawClient.open(Number(new URL(url).port), { reads: false });
  return client.send(ask(key, num));
}

describe("a reader that does not read", () => {
  let server: ControlServer;
  const open = async (options: Parameters<typeof ControlServer.open>[0] = {}) => {
    server = kept(await ControlServer.open(options));
    await server.call("POST", "/apps", { name: "todo" });
  };
  const write = async (lines: number, bytes = 60_000): Promise<void> => {
    const { id } = (await server.registry.apps.get("todo"))!;
    for (let n = 0; n < lines; n++) await server.registry.write(id, 1, { text: "x".repeat(bytes) });
  };

  test("counts as one tail of the app", async () => {
    await open({ tailBounds: { tailsPerAppMax: 2 } });
    await write(400);
    const readers = [await openReader(server.url, 400), await openReader(server.url, 400)];
    for (const reader of readers) await reader.until((got) => got.includes("\r\n\r\n"));
    for (const reader of readers) reader.socket.pause();
    const third = await server.call("GET", "/v3/channels/todo/logs");
    expect(third).toMatchObject({ status: 503 });
    expect(third.text).toContain("This app has 2 log streams open");
    for (const reader of readers) reader.leave();
  });

  test("is cut off when it took nothing for too long", async () => {
    await open({ tailBounds: { historyStallMsMax: 100, heartbeatMs: 60 } });
    await write(400);
    const accepted = once(server.server.server, "connection");
    const reader = await openReader(server.url, 400);
    const [socket] = (await accepted) as [Socket];
    await once(socket, "close");
    expect((await reader.closed()).length).toBeLessThan(400 * 60_000);
  });

  test("is cut off when its key is revoked", async () => {
    await open();
    await write(400);
    const { json } = await server.call("POST", "/oauth/authorizations", { apps: ["todo"], read_only: true });
    const reader = await openReader(server.url, 400, { key: json.access_token.token });
    await reader.until((got) => got.includes("\r\n\r\n"));
    reader.socket.pause();
    await server.call("DELETE", `/oauth/authorizations/${json.id}`);
    await reader.closed();
    expect(reader.got.length).toBeLessThan(400 * 60_000);
  });

  test("sees a broken answer, not a short one, when retention passed it", async () => {
    const engine = await openMemory({
      clock: realClock,
      retention: {
        ageMsMax: Number.POSITIVE_INFINITY,
        channelBytesMax: 30 * MiB,
        channelLinesMax: Number.POSITIVE_INFINITY,
        totalBytesMax: Number.POSITIVE_INFINITY,
      },
    });
    await open({ registry: await TestRegistry.open({ engine }) });
    await write(400);
    const reader = await openReader(server.url, 400);
    await reader.until((got) => got.includes("\r\n\r\n"));
    reader.socket.pause();
    await write(600);
    const got = await reader.closed();
    expect(got).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});

test("readers who waited for the same lines begin in turns of the event loop, not all in one", async () => {
  const server = kept(await ControlServer.open());
  await server.call("POST", "/apps", { name: "todo" });
  const { id } = (await server.registry.apps.get("todo"))!;
  await server.registry.write(id, 10);
  onTestFinished(() => void vi.restoreAllMocks());
  vi.spyOn(turns, "isOver", "get").mockReturnValue(true);
  const waiting: (() => void)[] = [];
  let turn = 0;
  const oneInEach = () => {
    turn++;
    waiting.shift()!();
    if (waiting.length > 0) setImmediate(oneInEach);
  };
  vi.spyOn(turns, "next").mockImplementation(
    () => new Promise((resolve) => waiting.push(resolve) === 1 && setImmediate(oneInEach)),
  );
  const begunIn: number[] = [];
  vi.spyOn(Tails.prototype, "admit").mockImplementation(() => begunIn.push(turn));
  const headers = { authorization: `Bearer ${operatorSecret}` };
  for (let reader = 0; reader < 20; reader++)
    void server.server.inject({ url: "/v3/channels/todo/logs", headers }).then(() => {});
  await until(() => begunIn.length === 20);
  expect(new Set(begunIn).size).toBe(20);
});

describe.each(stores)("forty readers on %s", (store) => {
  let server: TestServer;
  afterEach(() => server.destroy());

  test("that do not read hold one batch together, and others read on", async () => {
    server = await TestServer.startOn(store);
    const { tokens } = await server.createApp("todo");
    const body = Buffer.concat(
      Array.from({ length: 25 }, (_, n) => shuttleFrame(`${n} ${"x".repeat(20_000)}`)),
    );
    for (let sent = 0; sent < 60; sent++) {
      const { status } = await fetch(`${server.url}/logs`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
          "content-type": "application/logplex-1",
        },
        body,
      });
      expect(status).toBe(204);
    }
    const read = async () => {
      const headers = { authorization: `Bearer ${testKey}` };
      const response = await fetch(`${server.url}/v3/channels/todo/logs?num=1500`, { headers });
      return (await response.text()).match(/\n\d+ <190>1 /g);
    };
    expect(await read()).toHaveLength(1_499);
    const before = anonymousBytes(server.pid);
    const readers = await Promise.all(
      Array.from({ length: 40 }, () => openReader(server.url, 1_500, { key: testKey })),
    );
    expect(await read()).toHaveLength(1_499);
    expect((anonymousBytes(server.pid) - before) / MiB).toBeLessThan(300); // forty logs are 1,200
    for (const reader of readers) reader.leave();
  });
});
