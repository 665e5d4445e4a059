/** The contract that every kind of sink keeps with its worker, whatever the peer does. */
import type { Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { Sink } from "../../src/ports.ts";
import { never, parcelOf, parcelOfSlices, resolveHere, type sinkOptions } from "../drains/sinks/parts.ts";
import { batchOfBytes } from "../support/batches.ts";
import { openBlackHole } from "../support/black-hole.ts";
import { kept } from "../support/kept.ts";
import { closedPort, type HandleConnection, openRawPeer, type RawPeer } from "../support/raw-peer.ts";
import { until } from "../support/until.ts";

/** One way to reach a destination. */
export type SinkKind = {
  /** A sink to that port of localhost. */
  open(port: number, options?: Partial<typeof sinkOptions>): Sink;
  /** A well-behaved receiver of one connection: its messages, without newlines, go to `take`. */
  receive(socket: Socket, take: (message: string) => void): void;
  /** The options with which its peers are opened. */
  readonly peer: Parameters<typeof openRawPeer>[1];
  /** True when the destination answers each parcel. */
  readonly answers: boolean;
};

export function sinkContract(name: string, kind: SinkKind): void {
  describe(`Sink: ${name}`, () => {
    const peers: RawPeer[] = [];
    const sinks: Sink[] = [];
    const peerThat = async (handle: HandleConnection) => {
      const peer = await openRawPeer(handle, kind.peer);
      peers.push(peer);
      return peer;
    };
    const open: SinkKind["open"] = (port, options) => {
      const sink = kind.open(port, options);
      sinks.push(sink);
      return sink;
    };
    const openReceiver = async () => {
      const messages: string[] = [];
      const peer = await peerThat((socket) => kind.receive(socket, (message) => messages.push(message)));
      return { peer, messages };
    };
    afterEach(async () => {
      await Promise.all(sinks.splice(0).map((sink) => sink.close()));
      await Promise.all(peers.splice(0).map((peer) => peer.close()));
    });

    test("lines arrive in order, over one connection", async () => {
      const { peer, messages } = await openReceiver();
      const sink = open(peer.port);
      expect(await sink.deliver(parcelOf("one", "two"), never)).toEqual({ kind: "delivered" });
      expect(await sink.deliver(parcelOf("three"), never)).toEqual({ kind: "delivered" });
      await until(() => messages.length === 3);
      expect(messages).toEqual(["one", "two", "three"]);
      expect(peer.connections()).toBe(1);
    });

    test("a parcel of many lines arrives whole", async () => {
      const { peer, messages } = await openReceiver();
      const texts = Array.from({ length: 2_000 }, (_, n) => `line ${n} ${"x".repeat(200)}`);
      expect(await open(peer.port).deliver(parcelOf(...texts), never)).toEqual({
        kind: "delivered",
      });
      await until(() => messages.length === texts.length);
      expect(messages).toEqual(texts);
    });

    test("a connection that was closed in order while idle costs nothing", async () => {
      const messages: string[] = [];
      const sockets: Socket[] = [];
      const peer = await peerThat((socket) => {
        sockets.push(socket);
        kind.receive(socket, (message) => messages.push(message));
      });
      const sink = open(peer.port);
      await sink.deliver(parcelOf("one"), never);
      await until(() => messages.length === 1);
      sockets[0]!.end();
      await until(() => peer.open() === 0);
      expect(await sink.deliver(parcelOf("two"), never)).toEqual({ kind: "delivered" });
      await until(() => messages.includes("two"));
      expect(messages).toEqual(["one", "two"]);
      expect(peer.connections()).toBe(2);
    });

    test("a port where nobody listens is worth a retry, in words", async () => {
      const port = await closedPort();
      expect(await open(port).deliver(parcelOf("x"), never)).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: `localhost:${port} refused the connection: is the receiver running?`,
      });
    });

    test("a connection that does not come about is given up in time", async () => {
      const hole = kept(await openBlackHole());
      const sink = open(hole.port, { connectMsMax: 100, resolve: resolveHere });
      expect(await sink.deliver(parcelOf("x"), never)).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: expect.stringMatching(/^localhost:\d+ gave no connection within 0.1 s/),
      });
    });

    test("a name that is not looked up in time is given up, and told as such", async () => {
      const sink = open(1, { connectMsMax: 50, resolve: () => {} });
      expect(await sink.deliver(parcelOf("x"), never)).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: expect.stringMatching(/^localhost:1 could not be looked up within 0.05 s/),
      });
    });

    test("a connection that is reset at once is worth a retry", async () => {
      const peer = await peerThat((_socket, _index, reset) => reset());
      expect(await open(peer.port).deliver(parcelOf("x"), never)).toMatchObject({ kind: "retry" });
    });

    test("a connection that is reset in the middle of a parcel is worth a retry", async () => {
      const peer = await peerThat((socket, _index, reset) => socket.once("data", reset));
      const parcel = parcelOfSlices(batchOfLine(4 << 20));
      expect(await open(peer.port).deliver(parcel, never)).toMatchObject({
        kind: "retry",
      });
    });

    test("a peer that stops reading is given up in time", async () => {
      const peer = await peerThat((socket) => socket.pause());
      const verdict = await open(peer.port, { attemptMsMax: 300 }).deliver(
        parcelOfSlices(batchOfLine(16 << 20)),
        never,
      );
      expect(verdict).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: expect.stringMatching(/^localhost:\d+ .*within 0.3 s/),
        slow: true,
      });
    });

    test("what is aborted rejects with the signal's reason, before and amid", async () => {
      const paused: Socket[] = [];
      const peer = await peerThat((socket) => paused.push(socket.pause()));
      const sink = open(peer.port);
      const reason = new Error("stop");
      await expect(sink.deliver(parcelOf("x"), AbortSignal.abort(reason))).rejects.toBe(reason);
      const stopping = new AbortController();
      const delivery = sink.deliver(parcelOfSlices(batchOfLine(16 << 20)), stopping.signal);
      await until(() => paused.length > 0);
      stopping.abort(reason);
      await expect(delivery).rejects.toBe(reason);
      for (const socket of paused) socket.resume(); // who does not read does not see the end
      await until(() => peer.open() === 0);
    });

    test("closed, it holds no connection; closing again is fine", async () => {
      const { peer, messages } = await openReceiver();
      const sink = open(peer.port);
      await sink.deliver(parcelOf("one"), never);
      await sink.close();
      await sink.close();
      await until(() => peer.open() === 0);
      expect(messages).toEqual(["one"]);
    });

    test("a name that leads to a forbidden address is never connected to", async () => {
      const { peer } = await openReceiver();
      const sink = open(peer.port, {
        resolve: (_name, _options, done) => done(null, [{ address: "10.0.0.1", family: 4 }]),
      });
      expect(await sink.deliver(parcelOf("x"), never)).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: expect.stringMatching(/^localhost leads to 10.0.0.1, .*--drain-allow/),
      });
      expect(peer.connections()).toBe(0);
    });

    test.runIf(kind.answers)("a peer that never answers is given up in time", async () => {
      const peer = await peerThat((socket) => socket.resume());
      expect(await open(peer.port, { attemptMsMax: 300 }).deliver(parcelOf("x"), never)).toMatchObject({
        kind: "retry",
        slow: true,
        reason: expect.stringContaining("gave no answer within 0.3 s"),
      });
    });

    test("whatever bytes a peer says, there is a verdict", async () => {
      let said = Buffer.alloc(0);
      const peer = await peerThat((socket) => socket.once("data", () => socket.end(said)));
      await fc.assert(
        fc.asyncProperty(anyAnswer, async (answer) => {
          said = Buffer.from(answer);
          const sink = kind.open(peer.port);
          const verdict = await sink.deliver(parcelOf("x"), never);
          await sink.close();
          expect(["delivered", "retry", "split", "refused"]).toContain(verdict.kind);
        }),
        { numRuns: 25 },
      );
    });
  });
}

const anyAnswer = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string().map((text) => Buffer.from(`HTTP/1.1 ${text}\r\n\r\n`)),
  fc
    .tuple(fc.integer({ min: 0, max: 999 }), fc.string(), fc.string())
    .map(([status, name, body]) => Buffer.from(`HTTP/1.1 ${status} X\r\n${name}: 1\r\n\r\n${body}`)),
);

function batchOfLine(bytes: number) {
  const line = batchOfBytes(bytes);
  const frame = `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ${"x".repeat(bytes)}`;
  return { ...line, bytes: Buffer.from(`${frame.length} ${frame}`) };
}
