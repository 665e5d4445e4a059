/** Clients that take connections and do nothing with them, or nothing good. */
import { describe, expect, test } from "vitest";
import { addressGroup } from "../../src/core/address-group.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { echo, HttpDoor } from "./http-door.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
/** Handlers that answer when a test says so. */
function holding() {
  const answers: (() => void)[] = [];
  return {
    answers,
    handle: (_: unknown, response: { end(): unknown }) => answers.push(() => response.end()),
  };
}

describe.each([false, true])("over TLS: %s", (tls) => {
  test("at the bound of an address the connection that said nothing for longest makes room", async () => {
    const door = kept(await HttpDoor.open(echo, { tls, addressConnectionsMax: 3 }));
    const silent = [await RawClient.open(door.port, { tls }), await RawClient.open(door.port, { tls })];
    const busyBefore = await RawClient.open(door.port, { tls });
    busyBefore.send(get("/first"));
    await busyBefore.until((got) => got.includes("/first"));
    const fresh = await RawClient.open(door.port, { tls });
    fresh.send(get("/fresh"));
    await fresh.until((got) => got.includes("/fresh"));
    await silent[0]!.closed();
    expect(silent[1]!.socket.destroyed).toBe(false);
    expect(door.connections.count).toBe(3);
    busyBefore.send(get("/again"));
    await busyBefore.until((got) => got.includes("/again"));
  });

  test("where all of an address wait for us, one more is refused in words", async () => {
    const { answers, handle } = holding();
    const door = kept(await HttpDoor.open(handle, { tls, addressConnectionsMax: 2 }));
    const clients = [await RawClient.open(door.port, { tls }), await RawClient.open(door.port, { tls })];
    for (const client of clients) client.send(get("/"));
    await door.reached(() => answers.length === 2);
    const more = RawClient.open(door.port, { tls });
    if (tls) await expect(more).rejects.toThrow(/disconnected|ECONNRESET|socket hang up/);
    else expect(await (await more).closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*Your address has 2 connections/);
    expect(door.connections.count).toBe(2);
    for (const answer of answers) answer();
    for (const client of clients) await client.until((got) => got.includes("200 OK"));
  });
});

test.each([false, true])(
  "a stop waits for a request under way and for no other connection; over TLS: %s",
  async (tls) => {
    const { answers, handle } = holding();
    const door = await HttpDoor.open(handle, { tls });
    const idle = [await RawClient.open(door.port, { tls }), await RawClient.open(door.port, { tls })];
    idle[1]!.send("GET / HTTP/1.1\r\nHost: a\r\n");
    const busy = await RawClient.open(door.port, { tls });
    busy.send(get("/"));
    await door.reached(() => answers.length === 1);
    const closing = door.close(3_600_000);
    for (const client of idle) await client.closed();
    expect(busy.socket.destroyed).toBe(false);
    answers[0]!();
    expect(await busy.closed()).toContain("200 OK");
    await closing;
  },
);

test("of very many that are refused some are told, and none is kept", async () => {
  const { answers, handle } = holding();
  const door = kept(await HttpDoor.open(handle, { addressConnectionsMax: 1 }));
  const busy = await RawClient.open(door.port);
  busy.send(get("/"));
  await door.reached(() => answers.length === 1);
  const refused = await Promise.all(
    Array.from({ length: 300 }, () => RawClient.open(door.port, { reads: false })),
  );
  await door.reached(() => refused.filter(({ socket }) => socket.destroyed).length >= 200);
  const got = await Promise.all(refused.map((client) => client.closed()));
  expect(got.filter((text) => text.startsWith("HTTP/1.1 503 ")).length).toBeLessThanOrEqual(100);
  expect(got.filter((text) => text !== "" && !text.startsWith("HTTP/1.1 503 "))).toEqual([]);
  busy.leave();
});

test("one that leaves its answer unread makes room too, before one that we keep waiting", async () => {
  const large = Buffer.alloc(32 << 20, "x");
  const { answers, handle } = holding();
  const door = kept(
    await HttpDoor.open(
      (request, response) => (request.url === "/large" ? response.end(large) : handle(request, response)),
      { addressConnectionsMax: 2 },
    ),
  );
  const unread = await RawClient.open(door.port, { reads: false });
  unread.send(get("/large"));
  const waiting = await RawClient.open(door.port);
  waiting.send(get("/slow"));
  await door.reached(() => door.begun === 2);
  const fresh = await RawClient.open(door.port);
  fresh.send(get("/fresh"));
  await door.reached(() => door.begun === 3);
  await unread.closed();
  for (const answer of answers) answer();
  await waiting.until((got) => got.includes("200 OK"));
  await fresh.until((got) => got.includes("200 OK"));
});

test("over all addresses, the address with the most connections makes room", async () => {
  const door = kept(await HttpDoor.open(echo, { connectionsMax: 3 }));
  const alone = await RawClient.open(door.port, { from: "127.0.0.9" });
  const many = [await RawClient.open(door.port), await RawClient.open(door.port)];
  await door.reached(() => door.connections.count === 3);
  await RawClient.open(door.port, { from: "127.0.0.10" });
  await many[0]!.closed();
  expect([alone, many[1]!].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
});

test("a connection that carries a stream is not counted, and counts again behind it", async () => {
  let end = () => {};
  const door = kept(
    await HttpDoor.open(
      (request, response, { connections }) => {
        connections.carriesStream(request.socket);
        response.write("line");
        end = () => response.end();
      },
      { addressConnectionsMax: 1 },
    ),
  );
  const stream = await RawClient.open(door.port);
  stream.send(get("/"));
  await stream.until((got) => got.includes("line"));
  expect(door.connections.count).toBe(0);
  await RawClient.open(door.port);
  await door.reached(() => door.connections.count === 1);
  expect(stream.socket.destroyed).toBe(false);
  end();
  await door.reached(() => door.connections.count === 2);
});

test("a TLS handshake that is not finished is closed", async () => {
  const door = kept(await HttpDoor.open(echo, { tls: true, headersMsMax: 200 }));
  const client = await RawClient.open(door.port);
  await client.closed();
  await door.reached(() => door.connections.count === 0);
});

test("a connection on which nothing is asked is closed", async () => {
  const door = kept(await HttpDoor.open(echo, { stallMsMax: 200 }));
  const client = await RawClient.open(door.port);
  await client.closed();
});

test("one whose request takes us longer than that is not", async () => {
  const { answers, handle } = holding();
  const door = kept(await HttpDoor.open(handle, { stallMsMax: 200 }));
  const slow = await RawClient.open(door.port);
  slow.send(get("/"));
  const idle = await RawClient.open(door.port);
  await idle.closed();
  answers[0]!();
  expect(await slow.until((got) => got.includes("200 OK"))).toContain("200 OK");
});

test("addresses are counted as households: IPv4 one by one, IPv6 by /64", () => {
  expect(addressGroup("::ffff:10.1.2.3")).toBe("10.1.2.3");
  expect(addressGroup("2001:db8:1:2:3:4:5:6")).toBe(addressGroup("2001:db8:1:2::1"));
  expect(addressGroup("2001:db8:1:2::1")).not.toBe(addressGroup("2001:db8:1:3::1"));
  expect(addressGroup(undefined)).toBe("unknown");
});
