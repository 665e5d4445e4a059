/** Bodies of API calls, from those who have a key and those who have none. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";
import { RawClient } from "../support/raw-client.ts";

const addressBodyBytesMax = 100_000;
const bodies = new BodyBudget(new MemoryBudget(1_000_000), {
  appBodyBytesMax: 1,
  addressBodyBytesMax,
});
let server: ControlServer;
let port: number;
beforeAll(async () => {
  server = await ControlServer.open({ bodies });
  port = Number(new URL(server.url).port);
});
afterAll(() => server.close());

const authorization = `Authorization: Bearer ${operatorSecret}\r\n`;

async function begin(path: string, headers: string, bodyBytes = 500_000): Promise<RawClient> {
  const client = await RawClient.open(port);
  return client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${bodyBytes}\r\n\r\n`);
}

// The v3 API looks at bodies before it looks at keys, as logplex does.
test.each([
  ["/apps", authorization],
  ["/v3/channels/todo/tokens", ""],
])("unfinished bodies to %s stay within the share of their address", async (path, headers) => {
  const clients: RawClient[] = [];
  for (let n = 0; n < 5; n++) {
    const client = await begin(path, headers);
    client.send(Buffer.alloc(30_000, " "));
    clients.push(client);
    const due = Math.min(3, n + 1) * 30_000;
    while (bodies.bytes < due || (n >= 3 && client.got === "")) await nextTurn();
    expect(bodies.bytes).toBeLessThanOrEqual(addressBodyBytesMax);
  }
  expect(await clients[4]!.until((got) => got.includes("}"))).toMatch(
    /^HTTP\/1\.1 503 [\s\S]*Requests from your address/,
  );
  for (const client of clients) client.leave();
  while (bodies.bytes > 0) await nextTurn();
});

test("a body over the bound is 413 in JSON", async () => {
  const client = await begin("/apps", authorization, 600_000);
  expect(await client.until((got) => got.includes("}"))).toMatch(
    /^HTTP\/1\.1 413 [\s\S]*its body has more than 524288 bytes/,
  );
  client.leave();
});

test("gzip is inflated, and any other coding is told as one", async () => {
  const zipped = gzipSync(JSON.stringify({ name: "zipped" }));
  const taken = await begin("/apps", `${authorization}Content-Encoding: gzip\r\n`, zipped.length);
  taken.send(zipped);
  expect(await taken.until((got) => got.includes("}"))).toMatch(/^HTTP\/1\.1 201 [\s\S]*"name":"zipped"/);
  const refused = await begin("/apps", `${authorization}Content-Encoding: br\r\n`, 2);
  refused.send("{}");
  const answer = await refused.until((got) => got.includes("}"));
  expect(answer).toMatch(/^HTTP\/1\.1 415 [\s\S]*the Content-Encoding \\"br\\", which is not taken/);
  expect(answer).toMatch(/^accept-encoding: gzip(, zstd)?\r$/im);
});

// At the bound of size each takes some fifty milliseconds and ten megabytes to parse, and half a kilobyte in gzip.
const many = {
  "empty lists": `[${"[],".repeat(15_000)}[]]`,
  "nested lists": "[".repeat(20_000) + "]".repeat(20_000),
  "objects in a member": `{"name":[${"{},".repeat(15_000)}{}]}`,
};
const doors = [
  ["/apps", authorization, "application/json"],
  ["/v3/channels/todo/tokens", "", "application/json"],
  ["/oauth/token", "", "application/x-www-form-urlencoded"],
] as const;
test.each(doors)("a body to %s with more values than any call has is refused unparsed", async (...door) => {
  const [path, headers, type] = door;
  const form = path === "/oauth/token" ? { form: "a&".repeat(15_000) } : {};
  for (const text of Object.values({ ...many, ...form })) {
    const body = gzipSync(text);
    const head = `${headers}Content-Type: ${type}\r\nContent-Encoding: gzip\r\n`;
    const parsing = vi.spyOn(JSON, "parse");
    const client = await begin(path, head, body.length);
    client.send(body);
    const answer = await client.until((got) => got.includes("}"));
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*its body has more than \d+ (values|characters)/);
    expect(Math.max(0, ...parsing.mock.calls.map(([parsed]) => parsed.length))).toBeLessThan(32_768);
    parsing.mockRestore();
    client.leave();
  }
});

test("JSON with a name that nothing may have is told as that, not as no JSON", async () => {
  const body = '{"name":"todo","__proto__":{}}';
  const client = await begin("/apps", authorization, body.length);
  client.send(body);
  expect(await client.until((got) => got.includes("}"))).toMatch(
    /^HTTP\/1\.1 422 [\s\S]*nothing may have the name `__proto__`/,
  );
  client.leave();
});
