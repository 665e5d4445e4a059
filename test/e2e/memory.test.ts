import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { anonymousBytes } from "../support/process-figures.ts";
import { stores, TestServer } from "../support/server.ts";

const MiB = 1024 * 1024;
const bodyLines = 500;
const bodies = 1200; // 600,000 lines, 130 MB, many times what is retained
const growthBytesMax = 64 * MiB;

let server: TestServer;
const blackHole = createServer(() => {}); // takes connections, reads nothing, answers nothing

beforeEach(async () => {
  blackHole.listen(0, "127.0.0.1");
  await once(blackHole, "listening");
});

afterEach(async () => {
  await server.destroy();
  blackHole.close();
});

/** Opens a tail and never reads from its socket. */
async function openStalledTail(url: string): Promise<() => void> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n`);
  return () => socket.destroy();
}

function post(url: string, token: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
      "content-type": "application/logplex-1",
      "content-length": body.length,
    };
    const sent = request(`${url}/logs`, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    sent.on("error", reject).end(body);
  });
}

test.each(stores)(
  "memory is flat under a flood on %s, with a drain that is dead all the time and a tail that never reads",
  async (store) => {
    server = await TestServer.startOn(store, ["--retain-app", "8MiB"]);
    const { tokens } = await server.createApp("flood");
    const { port } = blackHole.address() as AddressInfo;
    await server.api("POST", "/apps/flood/log-drains", { url: `http://127.0.0.1:${port}/` });
    const session = { lines: 10, tail: true };
    const { logplex_url } = await server.api<{ logplex_url: string }>(
      "POST",
      "/apps/flood/log-sessions",
      session,
    );
    const closeTail = await openStalledTail(logplex_url);

    const body = Buffer.concat(
      Array.from({ length: bodyLines }, (_, i) => shuttleFrame(`${i} ${"x".repeat(120)}`)),
    );
    const samples: number[] = [];
    for (let sent = 0; sent < bodies; sent += 4) {
      const answers = await Promise.all([0, 1, 2, 3].map(() => post(server.url, tokens.app!, body)));
      expect(answers).toEqual([204, 204, 204, 204]);
      if (sent % 40 === 0) samples.push(anonymousBytes(server.pid));
    }
    closeTail();
    const half = samples.length / 2;
    const growth = Math.max(...samples.slice(half)) - Math.max(...samples.slice(0, half));
    expect(growth).toBeLessThan(growthBytesMax);

    const [drain] = await server.api<{ state: string; delivered: number; lag_lines: number; lost: number }[]>(
      "GET",
      "/apps/flood/log-drains",
    );
    expect(drain).toMatchObject({ delivered: 0, refused: 0 });
    expect(drain!.lost + drain!.lag_lines).toBeGreaterThanOrEqual(bodies * bodyLines);
  },
  90_000,
);
