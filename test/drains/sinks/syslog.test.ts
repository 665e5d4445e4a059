/** What syslog drains do about the acknowledgement that syslog has not. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import { talkBytesMax } from "../../../src/drains/sinks/talk.ts";
import type { Sink } from "../../../src/ports.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { kept } from "../../support/kept.ts";
import { type HandleConnection, openRawPeer } from "../../support/raw-peer.ts";
import { SyslogReader } from "../../support/syslog-receiver.ts";
import { ca, serverTls } from "../../support/tls.ts";
import { until } from "../../support/until.ts";
import { drainOf } from "../rig.ts";
import { never, parcelOf, sinkOf, sinkOptions } from "./parts.ts";

const delivered = { kind: "delivered" };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Longer than any wait of a sink: a process that did not get to run. */
function block(): void {
  const endMs = performance.now() + 600;
  while (performance.now() < endMs);
}

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

/** A sink that reports its broken connections to the test. */
function doubting(
  url: string,
  rest: Partial<DrainRecord> = {},
): { readonly sink: Sink; readonly doubts: string[] } {
  const doubts: string[] = [];
  const makeSink = sinksFor(sinkOptions);
  const drain = drainOf(1, { url, ...rest });
  return { sink: kept(makeSink(drain, { onBreak: (reason) => doubts.push(reason) })), doubts };
}

test("a connection that is reset soon after a parcel brings that into doubt, once", async () => {
  const receiver = await openReceiver();
  const { sink, doubts } = doubting(`syslog://localhost:${receiver.port}`);
  expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
  await until(() => receiver.messages.length === 1);
  expect(doubts).toEqual([]);
  receiver.resets[0]!();
  await until(() => doubts.length > 0);
  expect(doubts).toEqual([
    expect.stringMatching(/^localhost:\d+ broke the connection soon after lines were sent/),
  ]);
  expect(await sink.deliver(parcelOf("two"), never)).toEqual(delivered);
  expect(doubts).toHaveLength(1);
});

test("a parcel that meets the reset brings the one before into doubt, and is not sent before it", async () => {
  const receiver = await openReceiver();
  const { sink, doubts } = doubting(`syslog://localhost:${receiver.port}`);
  expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
  await until(() => receiver.messages.length === 1);
  receiver.resets[0]!();
  expect(await sink.deliver(parcelOf("two"), never)).toMatchObject({ kind: "retry" });
  expect(doubts).toHaveLength(1);
  expect(receiver.messages).toEqual(["one"]);
});

describe("parcels that follow the one that opened the connection", () => {
  /** Delivers `texts`, each as soon as the one before is sent. Returns the outcomes in the order in which they came. */
  async function deliverAll(sink: Sink, texts: readonly string[]) {
    const outcomes: (readonly [string, string])[] = [];
    const settled: Promise<unknown>[] = [];
    for (const text of texts) {
      await new Promise<void>((sent) => {
        const delivering = sink.deliver(parcelOf(text), never, sent);
        settled.push(delivering.then((verdict) => outcomes.push([text, verdict.kind])));
        void delivering.then(() => sent()); // one that fails is never sent
      });
    }
    return { outcomes, all: Promise.all(settled) };
  }

  test("are settled behind it, in order", async () => {
    const receiver = await openReceiver();
    const { sink } = doubting(`syslog://localhost:${receiver.port}`);
    const { outcomes, all } = await deliverAll(sink, ["one", "two", "three"]);
    await all;
    expect(outcomes).toEqual([
      ["one", "delivered"],
      ["two", "delivered"],
      ["three", "delivered"],
    ]);
    expect(receiver.messages).toEqual(["one", "two", "three"]);
  });

  test("are settled, though another one waits for them behind the connection's end", async () => {
    const receiver = await openReceiver();
    const { sink } = doubting(`syslog://localhost:${receiver.port}`);
    const { all: first } = await deliverAll(sink, ["one"]);
    await first;
    const { outcomes, all } = await deliverAll(sink, ["two", "three"]);
    await until(() => receiver.messages.length === 3);
    receiver.sockets[0]!.end();
    await once(receiver.sockets[0]!, "finish");
    const later = await deliverAll(sink, ["four"]);
    await Promise.all([all, later.all]);
    expect(outcomes.map(([text]) => text)).toEqual(["two", "three"]);
    expect(later.outcomes).toHaveLength(1);
  });

  test("fail as it does, when a receiver turns it away: a fresh connection has no age", async () => {
    const receiver = await openReceiver();
    const { sink, doubts } = doubting(`syslog://localhost:${receiver.port}`);
    const { outcomes, all } = await deliverAll(sink, ["one", "two", "three"]);
    receiver.resets[0]!();
    await all;
    expect(outcomes.map(([text]) => text)).toEqual(["one", "two", "three"]);
    expect(outcomes.map(([, kind]) => kind)).toEqual(["retry", "retry", "retry"]);
    expect(await sink.deliver(parcelOf("four"), never)).not.toHaveProperty("stale");
    expect(doubts).toEqual([]);
  });
});

describe.each([
  ["over TCP", undefined],
  ["over TLS", serverTls],
] as const)("a receiver that ends its side right after a parcel, %s", (_, tls) => {
  async function endedSide(when: "settled" | "under way") {
    const at: { socket?: Socket; reset?: () => void } = {};
    const take: HandleConnection = (socket, _index, reset) => {
      Object.assign(at, { socket, reset });
      if (when === "under way") socket.end();
    };
    const peer = kept(await openRawPeer(take, tls && { tls }));
    const { sink, doubts } = doubting(`syslog${tls ? "+tls" : ""}://localhost:${peer.port}`, tls && { ca });
    expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
    if (when === "settled") at.socket!.end();
    await delay(150);
    return { peer, doubts, read: () => at.socket!.resume(), reset: at.reset! };
  }

  test.each(["settled", "under way"] as const)(
    "%s, and resets the connection later, had not read it",
    async (when) => {
      const { doubts, reset } = await endedSide(when);
      expect(doubts).toEqual([]);
      reset();
      await until(() => doubts.length > 0);
      await delay(100);
      expect(doubts).toEqual([expect.stringContaining("are sent again")]);
    },
  );

  test("and no more than that, had read it: the connection is ended from here, too", async () => {
    const { peer, doubts, read } = await endedSide("settled");
    expect(peer.open()).toBe(1);
    read();
    await until(() => peer.open() === 0);
    expect(doubts).toEqual([]);
  });
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

describe("a receiver that turns its clients away before it read anything has nothing", () => {
  test("over TCP", async () => {
    const peer = kept(await openRawPeer((socket) => socket.destroy()));
    for (let n = 0; n < 20; n++)
      expect(
        await kept(sinkOf(`syslog://localhost:${peer.port}`)).deliver(parcelOf("x"), never),
      ).toMatchObject({
        kind: "retry",
      });
  });

  test("over TLS, when the handshake has ended for its client", async () => {
    const secure = kept(await openRawPeer((socket) => socket.resume(), { tls: serverTls }));
    const relay = kept(
      await openRawPeer((socket) => {
        const onward = connect(secure.port, "127.0.0.1");
        onward.on("error", () => {});
        socket.on("data", (chunk) => onward.write(chunk));
        onward.on("data", (chunk) => {
          socket.write(chunk);
          socket.destroySoon();
        });
      }),
    );
    for (let n = 0; n < 20; n++)
      expect(
        await kept(sinkOf(`syslog+tls://localhost:${relay.port}`, { ca })).deliver(parcelOf("x"), never),
      ).toMatchObject({ kind: "retry", reason: expect.stringContaining("broke the connection") });
  });
});

describe("a process that did not get to run does not take that for the silence of its peer", () => {
  test("a reset that the kernel holds by the end of the wait counts", async () => {
    const receiver = await openReceiver();
    const { sink, doubts } = doubting(`syslog://localhost:${receiver.port}`);
    expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
    await until(() => receiver.messages.length === 1);
    receiver.sockets[0]!.pause();
    const delivery = sink.deliver(parcelOf("two"), never);
    await turn();
    receiver.resets[0]!();
    block();
    expect(await delivery).toMatchObject({ kind: "retry" });
    expect(doubts).toHaveLength(1);
  });

  test("a receiver that is as slow to reset a fresh connection is heard", async () => {
    const peer = kept(
      await openRawPeer((_socket, _index, reset) =>
        setImmediate(() => {
          block();
          setTimeout(reset, 20);
        }),
      ),
    );
    const sink = kept(sinkOf(`syslog://localhost:${peer.port}`));
    expect(await sink.deliver(parcelOf("x"), never)).toMatchObject({ kind: "retry" });
  });
});

describe("what a receiver says is read, and means nothing", () => {
  test("as long as it is no more than it was sent, and 64 kB", async () => {
    const receiver = await openReceiver();
    const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
    await sink.deliver(parcelOf("one"), never);
    const socket = receiver.sockets[0]!;
    socket.write(Buffer.alloc(talkBytesMax));
    if (socket.writableLength > 0) await once(socket, "drain");
    expect(await sink.deliver(parcelOf("two"), never)).toEqual(delivered);
    expect(receiver.connections()).toBe(1);
  });

  test.each([undefined, serverTls])("a receiver that says everything back is a receiver", async (tls) => {
    const echo = kept(await openRawPeer((socket) => socket.pipe(socket), { ...(tls && { tls }) }));
    const sink = kept(
      sinkOf(`syslog${tls ? "+tls" : ""}://localhost:${echo.port}`, { ca: tls ? ca : undefined! }),
    );
    const long = "x".repeat(10_000);
    for (let n = 0; n < 20; n++) expect(await sink.deliver(parcelOf(long), never)).toEqual(delivered);
    expect(echo.connections()).toBe(1);
  });

  test.each([undefined, serverTls])(
    "one that talks without end is hung up on, and told as such",
    async (tls) => {
      let isTalking = false;
      const peer = kept(
        await openRawPeer(
          (socket) => {
            const talk = () => {
              while (isTalking && !socket.destroyed && socket.write(Buffer.alloc(1_000)));
            };
            socket.on("drain", talk);
            socket.on("data", talk);
          },
          { ...(tls && { tls }) },
        ),
      );
      const url = `syslog${tls ? "+tls" : ""}://localhost:${peer.port}`;
      const { sink, doubts } = doubting(url, tls && { ca });
      expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
      isTalking = true;
      const words = `localhost:${peer.port} sends more than it is sent, which no syslog receiver does: is this the port of another protocol?`;
      expect([delivered, { kind: "retry", cause: expect.any(String), reason: words }]).toContainEqual(
        await sink.deliver(parcelOf("two"), never),
      );
      await until(() => doubts.length > 0);
      expect(doubts).toEqual([`${words}; lines that were just sent are sent again`]);
      await until(() => peer.open() === 0);
    },
  );

  test("one that asks for handshakes without end is hung up on", async () => {
    let handshakes = 0;
    const peer = kept(
      await openRawPeer(
        (socket) => {
          const again = () =>
            (socket as TLSSocket).renegotiate({ requestCert: true, rejectUnauthorized: false }, (failure) => {
              handshakes++;
              if (failure === null && !socket.destroyed) again();
            });
          socket.resume();
          socket.once("data", again);
        },
        { tls: { ...serverTls, maxVersion: "TLSv1.2" } },
      ),
    );
    const { sink } = doubting(`syslog+tls://localhost:${peer.port}`, { ca });
    await sink.deliver(parcelOf("one"), never);
    await until(() => peer.open() === 0);
    expect(handshakes).toBeLessThan(10);
  });
});

test("the end of a signal ends what is under way with it, and not the connection that it went over before", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
  const [first, second] = [new AbortController(), new AbortController()];
  expect(await sink.deliver(parcelOf("one"), first.signal)).toEqual(delivered);
  first.abort(new Error("the first is over"));
  expect(await sink.deliver(parcelOf("two"), second.signal)).toEqual(delivered);
  await until(() => receiver.messages.length === 2);
  expect(receiver.sockets).toHaveLength(1);
  const cut = sink.deliver(parcelOf("three"), second.signal);
  second.abort(new Error("the second is over"));
  await expect(cut).rejects.toThrow("the second is over");
});

test("the path and query of the URL are not used, and nothing of them is sent", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}/in/app?key=value#insecure`));
  expect(await sink.deliver(parcelOf("one"), never)).toEqual(delivered);
  await until(() => receiver.messages.length === 1);
  expect(receiver.messages).toEqual(["one"]);
});

test("a connection that its receiver ends while it is idle is ended from here too", async () => {
  const receiver = await openReceiver();
  const sink = kept(sinkOf(`syslog://localhost:${receiver.port}`));
  await sink.deliver(parcelOf("one"), never);
  receiver.sockets[0]!.end();
  await until(() => receiver.open() === 0);
  expect(await sink.deliver(parcelOf("two"), never)).toEqual(delivered);
  await until(() => receiver.messages.length >= 2);
  expect(receiver.messages).toEqual(["one", "two"]);
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
    cause: expect.any(String),
    reason: `localhost:${receiver.port} does not speak TLS: is it a syslog:// receiver, or is this another port?`,
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
