/** What a key could read it reads no more, over real sockets, and on the node that does not hear of it itself. */
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { shuttleFrame } from "../support/frames.ts";
import { kept } from "../support/kept.ts";
import { startNats } from "../support/nats.ts";
import { TestServer, testKey } from "../support/server.ts";
import { until } from "../support/until.ts";

type Key = { readonly id: string; readonly access_token: { readonly token: string } };

/** The node that is asked for changes and the one that has the streams; one and the same on the embedded store. */
const placements: Readonly<Record<string, () => Promise<{ control: TestServer; tail: TestServer }>>> = {
  "one process": async () => {
    const server = await TestServer.start();
    return { control: server, tail: server };
  },
  "two nodes on NATS": async () => {
    const nats = kept(await startNats());
    const store = ["--nats", nats.urls.join(",")];
    const tail = await TestServer.start([...store, "--roles", "tail"]);
    const control = await TestServer.start([...store, "--roles", "ingest,control", "--public-url", tail.url]);
    return { control, tail };
  },
};

const started: TestServer[] = [];
afterEach(() => Promise.all(started.splice(0).map((server) => server.destroy())));

describe.each(Object.entries(placements))("in %s", (_, place) => {
  async function open() {
    const { control, tail } = await place();
    started.push(control, ...(tail === control ? [] : [tail]));
    const { tokens } = await control.createApp("shop");
    await control.createApp("other");
    const ship = (text: string) =>
      fetch(`${control.url}/logs`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
          "content-type": "application/logplex-1",
        },
        body: new Uint8Array(shuttleFrame(text)),
      });
    await ship("of the past");
    const key = await control.api<Key>("POST", "/oauth/authorizations", {
      apps: ["shop", "other"],
      read_only: true,
    });
    const session = async (secret: string) => {
      const response = await fetch(`${control.url}/apps/shop/log-sessions`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: JSON.stringify({ tail: true, lines: 10 }),
      });
      return ((await response.json()) as { logplex_url: string }).logplex_url;
    };
    return { control, ship, key, session };
  }

  test.each<[string, (key: Key) => readonly [method: string, path: string, body?: unknown]]>([
    ["it is revoked", ({ id }) => ["DELETE", `/oauth/authorizations/${id}`]],
    ["it loses the app", ({ id }) => ["PATCH", `/oauth/authorizations/${id}`, { apps: ["other"] }]],
    ["it expires", ({ id }) => ["PATCH", `/oauth/authorizations/${id}`, { expires_in: 1 }]],
    ["the app is destroyed", () => ["DELETE", "/apps/shop"]],
  ])(
    "a key's streams end when %s, and its session opens and resumes no more",
    async (_, change) => {
      const { control, ship, key, session } = await open();
      const url = await session(key.access_token.token);
      expect(new URL(url).pathname).not.toContain(key.access_token.token);
      const streams = await Promise.all(
        ["text/event-stream", "text/plain"].map((accept) => fetch(url, { headers: { accept } })),
      );
      const texts = streams.map((stream) => stream.text()); // a stream that is cut off rejects
      const operators = await fetch(await session(testKey), { headers: { accept: "text/plain" } });
      const rest = await fetch(`${url}?after=0.0`);
      expect(rest.status).toBe(200);
      await rest.body!.cancel();

      const [method, path, body] = change(key);
      await control.api(method, path, body);
      for (const text of await Promise.all(texts)) expect(text).toContain("of the past");
      for (const again of [url, `${url}?after=0.0`]) expect((await fetch(again)).status).toBe(404);
      const resumed = await fetch(url, { headers: { accept: "text/event-stream", "last-event-id": "0.0" } });
      expect(resumed.status).toBe(404);
      if (path === "/apps/shop") await operators.text();
      else {
        await ship("of later");
        let seen = "";
        for await (const chunk of operators.body!.pipeThrough(new TextDecoderStream())) {
          seen += chunk;
          if (seen.includes("of later")) break;
        }
      }
    },
    60_000,
  );
});

test("a reader of v3 history that has not taken it all is cut off when its key is revoked", async () => {
  const server = await TestServer.start();
  started.push(server);
  const { tokens } = await server.createApp("shop");
  const line = "x".repeat(20_000); // 1,500 of them are more than sockets hold
  for (let sent = 0; sent < 1_500; sent += 100) {
    const frames = Array.from({ length: 100 }, (_, n) => shuttleFrame(`${sent + n} ${line}`));
    const response = await fetch(`${server.url}/logs`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
        "content-type": "application/logplex-1",
      },
      body: new Uint8Array(Buffer.concat(frames)),
    });
    expect(response.status).toBe(204);
  }
  const key = await server.api<Key>("POST", "/oauth/authorizations", { apps: ["shop"], read_only: true });
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname).pause();
  socket.write(
    "GET /v3/channels/shop/logs?num=1500 HTTP/1.1\r\nHost: a\r\n" +
      `Authorization: Bearer ${key.access_token.token}\r\n\r\n`,
  );
  const openTails = async () =>
    /^tailrace_open_tails\{transport="plain"\} (\d+)$/m.exec(
      await (await fetch(`${server.url}/metrics`)).text(),
    )?.[1];
  await until(async () => (await openTails()) === "1", { tell: () => "no reader" });
  await server.api("DELETE", `/oauth/authorizations/${key.id}`);
  await until(async () => (await openTails()) === "0", {
    tell: () => "the reader is still served",
  });
  const taken = await socket
    .toArray()
    .then((chunks: Buffer[]) => Buffer.concat(chunks))
    .catch((reset: Error) => reset); // what the kernel held may be lost with the connection
  if (Buffer.isBuffer(taken)) expect(taken.includes("1499 xxx")).toBe(false);
});

test("sessions of the operator's key are void when the operator has another one; those of other keys are not", async () => {
  const server = await TestServer.start();
  started.push(server);
  await server.createApp("shop");
  const key = await server.api<Key>("POST", "/oauth/authorizations", { apps: ["shop"] });
  const session = async (secret: string) => {
    const response = await fetch(`${server.url}/apps/shop/log-sessions`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}` },
    });
    return ((await response.json()) as { logplex_url: string }).logplex_url;
  };
  const [operators, tenants] = [await session(testKey), await session(key.access_token.token)];
  const statusOf = async (url: string) => {
    const response = await fetch(url);
    await response.body!.cancel();
    return response.status;
  };
  expect([await statusOf(operators), await statusOf(tenants)]).toEqual([200, 200]);
  await server.kill();
  await server.start({ TAILRACE_API_KEY: "another-operator-key-0000000000000000" });
  expect([await statusOf(operators), await statusOf(tenants)]).toEqual([404, 200]);
});
