/** What syslog drains do about the acknowledgement that syslog has not. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import { Doubts } from "../../../src/drains/sinks/doubts.ts";
import type { Sink } from "../../../src/ports.ts";
import { until } from "../../support/batches.ts";
import { type HandleConnection, openRawPeer } from "../../support/raw-peer.ts";
import { SyslogReader } from "../../support/syslog-receiver.ts";
import { drainOf } from "../rig.ts";
import { never, parcelOf, sinkOf, sinkOptions } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
const kept = <T extends { close(): Promise<unknown> }>(one: T): T => {
  opened.push(one);
  return one;
};
const delivered = { kind: "delivered" };

/** A receiver of all connections, in order of arrival. */
async function openReceiver(port = 0) {
  const reader: { messages: string[]; sockets: Socket[]; resets: (() => void)[] } = {
    messages: [],
    sockets: [],
    resets: [],
  };
  const take: HandleConnection = (socket, _index, reset) => {
    const frames = new SyslogReader();
    reader.sockets.push(socket);
    reader.resets.push(reset);
    socket.on("data", (chunk: Buffer) => {
      const before = frames.frames.length;
      frames.push(chunk);
      reader.messages.push(...frames.frames.slice(before).map(({ message }) => message.trimEnd()));
    });
  };
  const peer = kept(await openRawPeer(take, { port }));
  return { ...peer, ...reader };
}

test("a parcel whose connection was reset soon after goes out again before the next one", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
  expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
  await until(() => receiver.messages.length === 1);
  receiver.resets[0]!();
  await until(() => receiver.open() === 0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await sink.deliver(parcelOf("two"), never)).toEqual(delivered);
  await until(() => receiver.messages.length >= 3);
  expect(receiver.messages).toEqual(["one", "one", "two"]);
});

test("the doubt outlives the sink: the worker throws that away at a failure", async () => {
  const receiver = await openReceiver();
  const makeSink = sinksFor(sinkOptions);
  const open = (): Sink => kept(makeSink(drainOf(1, { url: `syslog://localhost:${receiver.port}` })));
  const first = open();
  expect(await first.deliver(parcelOf("one"), never)).toEqual(delivered);
  receiver.resets[0]!();
  await receiver.close();
  expect(await first.deliver(parcelOf("two"), never)).toMatchObject({ kind: "retry" });
  await first.close();
  const again = await openReceiver(receiver.port);
  expect(await open().deliver(parcelOf("two"), never)).toEqual(delivered);
  await until(() => again.messages.length >= 2);
  expect(again.messages).toEqual(["one", "two"]);
});

test("a receiver that reads a parcel and ends the connection has it, once", async () => {
  const messages: string[] = [];
  const peer = kept(
    await openRawPeer((socket) => {
      const frames = new SyslogReader();
      socket.on("data", (chunk: Buffer) => {
        frames.push(chunk);
        messages.push(...frames.frames.splice(0).map(({ message }) => message.trimEnd()));
        socket.end();
      });
    }),
  );
  const sink = kept(sinkOf(`syslog://localhost:${peer.port}`));
  for (const text of ["one", "two", "three"])
    expect(await sink.deliver(parcelOf(text), never)).toEqual(delivered);
  await until(() => messages.length >= 3);
  expect(messages).toEqual(["one", "two", "three"]);
  expect(peer.connections()).toBe(3);
});

test("what a receiver says is read, and means nothing", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
  await sink.deliver(parcelOf("one"), never);
  const socket = receiver.sockets[0]!;
  socket.write("OK\n".repeat(100_000));
  if (socket.writableLength > 0) await once(socket, "drain");
  expect(await sink.deliver(parcelOf("two"), never)).toEqual(delivered);
  expect(receiver.connections()).toBe(1);
});

test("closed, the sink ends its connection in order", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
  await sink.deliver(parcelOf("one"), never);
  const ended = once(receiver.sockets[0]!, "end");
  await sink.close();
  await ended;
});

test("a plain receiver where TLS is expected is named as such", async () => {
  const receiver = kept(await openRawPeer((socket) => socket.once("data", () => socket.write("what?\n"))));
  const verdict = await kept(sinkOf(`syslog+tls://localhost:${receiver.port}`)).deliver(parcelOf("x"), never);
  expect(verdict).toEqual({
    kind: "retry",
    reason: `localhost:${receiver.port} does not speak TLS: is this a plain receiver, or another port?`,
  });
});

test("default ports are those of the schemes", async () => {
  const find = async (url: string) => {
    const verdict = await kept(sinkOf(url, {}, { resolve: (() => {}) as never, connectMsMax: 20 })).deliver(
      parcelOf("x"),
      never,
    );
    return "reason" in verdict ? verdict.reason.split(" ")[0] : undefined;
  };
  expect(await find("syslog://logs.example")).toBe("logs.example:601");
  expect(await find("syslog+tls://logs.example/#insecure")).toBe("logs.example:6514");
});

describe("doubts", () => {
  test("are bounded together: the oldest are given up", () => {
    const doubts = new Doubts(10);
    doubts.keep("a", Buffer.alloc(4));
    doubts.keep("b", Buffer.alloc(4));
    doubts.keep("a", Buffer.alloc(5));
    doubts.keep("c", Buffer.alloc(4));
    expect(["a", "b", "c"].map((drain) => doubts.of(drain)?.length)).toEqual([5, undefined, 4]);
    doubts.keep("d", Buffer.alloc(11));
    expect(["a", "c", "d"].map((drain) => doubts.of(drain)?.length)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    doubts.keep("e", Buffer.alloc(10));
    doubts.settle("e");
    doubts.settle("e");
    doubts.keep("f", Buffer.alloc(10));
    expect(doubts.of("f")?.length).toBe(10);
  });
});
