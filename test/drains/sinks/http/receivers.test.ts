/** HTTP receivers that talk oddly, too much or without end: what their sink makes of it, over real connections. */
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { interimAnswersMax } from "../../../../src/drains/sinks/http/answer-reader.ts";
import { kept } from "../../../support/kept.ts";
import { onRequests, said } from "../../../support/raw-http.ts";
import { openRawPeer } from "../../../support/raw-peer.ts";
import { ca, serverTls } from "../../../support/tls.ts";
import { until } from "../../../support/until.ts";
import { never, parcelOf, sinkOf } from "../parts.ts";
import { oddAnswer, oddHeads } from "./odd-heads.ts";

/** A receiver that gives one answer to each request; counts them. */
async function openReceiver(answer: (socket: Socket, index: number) => void) {
  const seen = { requests: 0 };
  const peer = await openRawPeer((socket) => onRequests(socket, () => answer(socket, seen.requests++)));
  return Object.assign(seen, kept(peer));
}

const verdicts = new Map([
  [200, "delivered"],
  [204, "delivered"],
  [400, "refused"],
  [413, "split"],
  [503, "retry"],
]);

describe.each([...oddHeads])("an answer with %s", (_, head) => {
  test("means what its status says, once; the next parcel goes over another connection", async () => {
    for (const [status, kind] of verdicts) {
      const receiver = await openReceiver((socket, index) =>
        index === 0 ? socket.end(oddAnswer(head, status)) : socket.write(said(200)),
      );
      const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
      expect(await sink.deliver(parcelOf("one"), never), String(status)).toMatchObject({ kind });
      expect(receiver.requests).toBe(1);
      expect(await sink.deliver(parcelOf("two"), never)).toEqual({ kind: "delivered" });
      expect([receiver.requests, receiver.connections()]).toEqual([2, 2]);
    }
  });
});

test("an odd answer whose connection stays open counts, too, and its connection is closed from here", async () => {
  for (const head of ["Content-Length with chunked (F71)", "bare line feeds (F73)", "no head, no end"]) {
    const receiver = await openReceiver((socket) => socket.write(oddAnswer(oddHeads.get(head)!, 200)));
    const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
    expect(await sink.deliver(parcelOf("one"), never)).toEqual({ kind: "delivered" });
    await until(() => receiver.open() === 0);
    expect(receiver.requests).toBe(1);
  }
});

test("what an odd answer says beside its status is read as far as it makes sense", async () => {
  const receiver = await openReceiver((socket) =>
    socket.end("HTTP/1.1 503 No\nRetry-After : 7\nContent-Length: 4\nContent-Length: 4\n\nbusy"),
  );
  const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
  expect(await sink.deliver(parcelOf("one"), never)).toMatchObject({
    kind: "retry",
    afterMs: 7_000,
    reason: expect.stringContaining('answered 503 ("busy")'),
  });
});

describe("a receiver that talks without end", () => {
  const flooding = (bytes: string) => (socket: Socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(bytes));
    };
    socket.on("drain", more);
    more();
  };

  test(`has ${interimAnswersMax} interim answers, then it is hung up on, and told so`, async () => {
    const receiver = await openReceiver(flooding("HTTP/1.1 102 Processing\r\n\r\n"));
    const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
    expect(await sink.deliver(parcelOf("one"), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: `127.0.0.1:${receiver.port} gives interim answers (1xx) alone, and none that counts: its owner has to look`,
    });
    await until(() => receiver.open() === 0);
  });

  test("in the head, in a chunk's extension or in the body of its answer has answered", async () => {
    for (const [start, flood] of [
      ["HTTP/1.1 200 OK\r\nX: ", "y".repeat(1_000)],
      ["HTTP/1.1 200 OK\r\n", `X: ${"y".repeat(1_000)}\r\n`],
      ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "y".repeat(1_000)],
      ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", `1\r\ny\r\n`],
      ["HTTP/1.1 200 OK\r\n\r\n", "y".repeat(1_000)],
    ] as const) {
      const receiver = await openReceiver((socket) => {
        socket.write(start);
        flooding(flood)(socket);
      });
      const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`, { format: "otlp" }));
      expect(await sink.deliver(parcelOf("one"), never), start).toEqual({ kind: "delivered" });
      await until(() => receiver.open() === 0);
    }
  });

  test("in handshakes is hung up on", async () => {
    let handshakes = 0;
    const peer = kept(
      await openRawPeer(
        (socket) => {
          const again = () =>
            (socket as import("node:tls").TLSSocket).renegotiate({}, (failure) => {
              handshakes++;
              if (failure === null && !socket.destroyed) again();
            });
          socket.once("data", again);
        },
        { tls: { ...serverTls, maxVersion: "TLSv1.2" } },
      ),
    );
    const sink = kept(sinkOf(`https://localhost:${peer.port}/`, { ca }));
    expect(await sink.deliver(parcelOf("one"), never)).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("asks for one TLS handshake after the other"),
    });
    expect(handshakes).toBeLessThan(10);
  });
});

describe("what nobody asked for", () => {
  test("is not taken for the answer to the next parcel: two answers to one request", async () => {
    const receiver = await openReceiver((socket, index) =>
      socket.write(index === 0 ? said(200) + said(200) : said(503)),
    );
    const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
    expect(await sink.deliver(parcelOf("one"), never)).toEqual({ kind: "delivered" });
    expect(await sink.deliver(parcelOf("two"), never)).toMatchObject({ kind: "retry" });
    expect(receiver.connections()).toBe(2);
  });

  test("ends an idle connection, and the next parcel gets another", async () => {
    const receiver = await openReceiver((socket, index) => {
      socket.write(said(200));
      if (index === 0) setTimeout(() => socket.write(said(200)), 5);
    });
    const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
    expect(await sink.deliver(parcelOf("one"), never)).toEqual({ kind: "delivered" });
    await until(() => receiver.open() === 0);
    expect(await sink.deliver(parcelOf("two"), never)).toEqual({ kind: "delivered" });
    expect([receiver.requests, receiver.connections()]).toEqual([2, 2]);
  });
});

test("a connection that its server keeps for a moment only is not used again", async () => {
  const receiver = await openReceiver((socket) => socket.write(said(200, "", "Keep-Alive: timeout=1\r\n")));
  const sink = kept(sinkOf(`http://127.0.0.1:${receiver.port}/`));
  for (const text of ["one", "two"])
    expect(await sink.deliver(parcelOf(text), never)).toEqual({ kind: "delivered" });
  expect(receiver.connections()).toBe(2);
});

test("closed amid an attempt, the sink ends its connection and the attempt", async () => {
  const receiver = kept(await openRawPeer((socket) => socket.resume()));
  const sink = sinkOf(`http://127.0.0.1:${receiver.port}/`);
  const delivery = sink.deliver(parcelOf("one"), never);
  await until(() => receiver.open() === 1);
  await sink.close();
  expect(await delivery).toMatchObject({ kind: "retry" });
  await until(() => receiver.open() === 0);
});
