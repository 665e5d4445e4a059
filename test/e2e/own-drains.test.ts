/** A drain to the server's own doors is refused by the server as it runs, whatever the ports that it got. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer, testKey } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start([
    ...["--public-url", "https://logs.example.com/tail"],
    ...["--ingest-url", "https://in.example.com"],
  ]);
  await server.api("POST", "/apps", { name: "loop" });
});
afterAll(() => server.destroy());

const post = async (path: string, body: unknown) => {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as { message: string } };
};

test("its addresses, its syslog port, its public URL and that of ingest", async () => {
  const { port } = new URL(server.url);
  for (const url of [
    `http://127.0.0.1:${port}/logs`,
    `http://localhost:${port}/v1/logs`,
    `syslog://127.0.0.1:${server.syslogPort}`,
    `syslog+tls://localhost:${server.syslogPort}/x`,
    "https://logs.example.com/tail/logs",
    "https://in.example.com/logs",
  ]) {
    const { status, json } = await post("/apps/loop/log-drains", { url });
    expect([status, json.message], url).toEqual([
      422,
      expect.stringContaining("leads to this server itself"),
    ]);
  }
  const { status } = await post("/apps/loop/log-drains", { url: "https://logs.example.com/loki" });
  expect(status).toBe(201);
});
