/** The way past the library: there, whole, and shared with what the library writes itself. */
import type { Socket } from "node:net";
import { connect, type Msg, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { headersOf, Straight } from "../../../src/engines/nats/wire/straight.ts";
import { type NatsCluster, startNats } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

let cluster: NatsCluster;
let nats: NatsConnection;
beforeAll(async () => {
  cluster = await startNats();
  nats = await connect({ servers: [...cluster.urls], reconnectTimeWait: 20 });
});
afterAll(async () => {
  await nats?.close();
  await cluster?.close();
});

const headers = "Nats-Msg-Id: a:b.0\r\nNats-Expected-Last-Subject-Sequence: 7\r\n";

test("messages of any size arrive as they were given, in order, among the library's own", async () => {
  const came: Msg[] = [];
  nats.subscribe("x", { callback: (_, msg) => came.push(msg) });
  await nats.flush();
  const straight = new Straight(nats, realClock);
  const sizes = [0, 1, 1_000, 1_024, 1_025, 20_000, 500_000];
  for (const [at, size] of sizes.entries()) {
    const payload = [Buffer.alloc(size, "h"), Buffer.alloc(size, at)];
    // A library that was changed inside would have to be found out again.
    expect(straight.publish({ subject: "x", reply: `r.${at}`, headers, payload })).toBe(true);
    nats.publish("x", `own ${at}`);
  }
  await until(() => came.length === 2 * sizes.length);
  const whole = came.filter(({ reply }) => reply !== "");
  for (const [at, size] of sizes.entries()) {
    const { data, reply, headers: got } = whole[at]!;
    expect(reply).toBe(`r.${at}`);
    expect(Buffer.compare(data, Buffer.concat([Buffer.alloc(size, "h"), Buffer.alloc(size, at)]))).toBe(0);
    expect([...got!]).toEqual([...headersOf(headers)]);
  }
  expect(came.filter(({ reply }) => reply === "").map((msg) => msg.string())).toEqual(
    sizes.map((_, at) => `own ${at}`),
  );
});

test("a message that comes alone is on its way at once; frequent ones go together in the next turn", async () => {
  const { socket } = (nats as unknown as { protocol: { transport: { socket: Socket } } }).protocol.transport;
  const straight = new Straight(nats, { monotonicMs: () => 1_000 });
  const publish = () => straight.publish({ subject: "z", reply: "r", headers, payload: [Buffer.from("z")] });
  const held: number[] = [];
  for (let n = 0; n < 6; n++) {
    publish();
    held.push(socket.writableCorked);
  }
  expect(held).toEqual([0, 0, 0, 0, 1, 1]);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(socket.writableCorked).toBe(0);
});

test("while the server is away there is none, and nothing is kept for it", async () => {
  const came: string[] = [];
  nats.subscribe("y", { callback: (_, msg) => came.push(msg.string()) });
  await nats.flush();
  const straight = new Straight(nats, realClock);
  const publish = (text: string) =>
    straight.publish({ subject: "y", reply: "r", headers, payload: [Buffer.from(text)] });
  await cluster.servers[0]!.kill();
  await until(() => !publish("lost"));
  await cluster.servers[0]!.start();
  await until(() => publish("back"));
  await until(() => came.includes("back"));
  expect(came).not.toContain("lost");
});
