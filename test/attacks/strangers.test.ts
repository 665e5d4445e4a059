/** Strangers, who have no key, against the whole server: what it holds for them, while a sender goes on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { anonymousBytes, openFiles } from "../support/process-figures.ts";
import { RawClient } from "../support/raw-client.ts";
import { TestServer } from "../support/server.ts";

const MiB = 1024 * 1024;
const attackers = 45;
const readBytes = 65_536;

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await TestServer.start();
  token = (await server.createApp("victim")).tokens.app!;
  for (let sent = 0; sent < 200; sent++) await send(); // the thread that writes small commits has begun, and its files are open
});
afterAll(() => server.destroy());

async function send(): Promise<number> {
  const { status } = await fetch(`${server.url}/logs`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
      "content-type": "application/logplex-1",
    },
    body: shuttleFrame("a line"),
  });
  return status;
}

const floodOf = (method: string, path: string): string => {
  const one =
    method === "GET"
      ? `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
      : `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;
  return one.repeat(Math.floor(readBytes / one.length));
};

test.each([
  ["GET", "/docs/json"],
  ["GET", "/docs/static/swagger-ui-bundle.js"],
  ["GET", "/metrics"],
  ["GET", "/readyz"],
  ["GET", "/apps"],
  ["GET", "/sessions/none"],
  ["GET", "/v3/channels/victim/logs"],
  ["POST", "/logs"],
  ["POST", "/apps"],
  ["POST", "/nowhere"],
])("%s %s, pipelined and never read, costs neither memory nor files", async (method, path) => {
  expect(await send()).toBe(204);
  await (await fetch(server.url + path)).arrayBuffer();
  const filesBefore = openFiles(server.pid);
  const bytesBefore = anonymousBytes(server.pid);
  const port = Number(new URL(server.url).port);
  const clients = await Promise.all(
    Array.from({ length: attackers }, () => RawClient.open(port, { reads: false })),
  );
  const flood = floodOf(method, path);
  for (const client of clients) client.send(flood);
  for (let sent = 0; sent < 20; sent++) expect(await send()).toBe(204);
  expect(openFiles(server.pid) - filesBefore).toBeLessThanOrEqual(attackers + 2);
  expect((anonymousBytes(server.pid) - bytesBefore) / MiB).toBeLessThan(200); // it was 1,100 and more
  for (const client of clients) client.leave();
});
