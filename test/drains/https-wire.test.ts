import type { LookupAddress } from "node:dns";
import type { Socket } from "node:net";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { addressPolicy, loopbackCidrs } from "../../src/drains/addresses.ts";
import { NameFailure, type NameFailureCode } from "../../src/drains/name-resolver.ts";
import { type SinkOptions, sinksFor } from "../../src/drains/sink-for.ts";
import type { Parcel, Sink, Verdict } from "../../src/ports.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { batchOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { closedPort, openRawPeer, type RawPeer } from "../support/raw-peer.ts";
import { ca, expiredTls, selfSignedTls, serverTls, wrongNameTls } from "../support/tls.ts";
import { until } from "../support/until.ts";
import { drainOf } from "./rig.ts";

const clock = new FakeClock();
const never = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** Every name is this machine. */
const resolveHere = ((_: string, __: object, done: (failure: null, found: LookupAddress[]) => void) =>
  done(null, [{ address: "127.0.0.1", family: 4 }])) as NonNullable<SinkOptions["resolve"]>;

function sinkTo(
  url: string,
  { drain = {}, ...limits }: Partial<SinkOptions> & { drain?: Partial<DrainRecord> } = {},
): Sink {
  const sink = sinksFor({
    policy: addressPolicy(loopbackCidrs),
    clock,
    connectMsMax: 600_000,
    attemptMsMax: 600_000, // longer than a test
    retryAfterMsMax: 3_600_000,
    userAgent: "Logplex/tailrace-test",
    resolve: resolveHere,
    ...limits,
  })(drainOf(1, { url, ...drain }));
  open.push(sink);
  return sink;
}

function parcelOf(texts: readonly string[], parcelId = "0123456789ABCDEF0123456789ABCDEF"): Parcel {
  const { bytes, count, form } = batchOf(texts);
  return { parcelId, slices: [{ bytes, count, form }], count };
}

/** Hands each whole request of a connection to `answer`; Content-Length alone says where it ends. */
function serve(answer: (socket: Socket, request: { head: string; body: Buffer; index: number }) => void) {
  let index = 0;
  return (socket: Socket) => {
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const headEnd = bytes.indexOf("\r\n\r\n");
        if (headEnd === -1) return;
        const head = bytes.toString("latin1", 0, headEnd + 4);
        const end = headEnd + 4 + Number(/content-length: (\d+)/i.exec(head)![1]);
        if (bytes.length < end) return;
        const body = bytes.subarray(headEnd + 4, end);
        bytes = bytes.subarray(end);
        answer(socket, { head, body, index: index++ });
      }
    });
  };
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

async function peerThat(
  handle: (socket: Socket, index: number) => void,
  options?: Parameters<typeof openRawPeer>[1],
): Promise<RawPeer & { url: string }> {
  const peer = await openRawPeer(handle, options);
  open.push(peer);
  return { ...peer, url: `http://127.0.0.1:${peer.port}/` };
}

/** No timer goes off. */
function holdTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A peer that says `text` to every request, and what the sink makes of it. */
async function verdictOn(
  text: string | readonly string[],
  limits: Partial<SinkOptions> = {},
): Promise<Verdict> {
  const peer = await peerThat(
    serve((socket) => {
      for (const part of [text].flat()) socket.write(part);
    }),
  );
  return sinkTo(peer.url, limits).deliver(parcelOf(["a"]), never);
}

describe("the request", () => {
  async function requestTo(
    path: string,
    userinfo = "",
    host = "127.0.0.1",
  ): Promise<{ text: string; port: number }> {
    let text = "";
    const peer = await peerThat(
      serve((socket, { head, body }) => {
        text = head + body;
        socket.write(ok);
      }),
    );
    const verdict = await sinkTo(`http://${userinfo}${host}:${peer.port}${path}`).deliver(
      parcelOf(["hi", "ho"]),
      never,
    );
    expect(verdict).toEqual({ kind: "delivered" });
    return { text, port: peer.port };
  }

  test("is that of logplex to the byte", async () => {
    const { text, port } = await requestTo("/in/put?key=a%20b&c", "user:p%40ss@");
    const frame = (message: string) =>
      `61 <190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ${message}`;
    const body = `${frame("hi")}${frame("ho")}`.replaceAll("61 ", "59 ");
    expect(text).toBe(
      [
        "POST /in/put?key=a%20b&c HTTP/1.1",
        `Host: 127.0.0.1:${port}`,
        `Authorization: Basic ${Buffer.from("user:p@ss").toString("base64")}`,
        "Content-Type: application/logplex-1",
        "Logplex-Msg-Count: 2",
        "Logplex-Frame-Id: 0123456789ABCDEF0123456789ABCDEF",
        "Logplex-Drain-Token: d.1",
        "User-Agent: Logplex/tailrace-test",
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  });

  test("has a path where the URL has none, and never its fragment", async () => {
    expect((await requestTo("")).text).toMatch(/^POST \/ HTTP\/1\.1\r\n/);
    expect((await requestTo("?q#secret")).text).toMatch(/^POST \/\?q HTTP\/1\.1\r\n/);
    expect((await requestTo("/a#secret")).text).not.toContain("secret");
  });

  test("names the host without a port where the URL has none", async () => {
    // 127.0.0.1:80 is nobody here: the name leads to the peer's port by way of the policy's own lookup.
    const { text, port } = await requestTo("/", "", "receiver.example");
    expect(text).toContain(`\r\nHost: receiver.example:${port}\r\n`);
  });

  test.each([
    ["", undefined],
    ["user@", "user:"],
    ["user:@", "user:"],
    [":word@", ":word"],
    ["user:a:b@", "user:a:b"],
    ["token:t.123-%E2%9C%93@", "token:t.123-✓"],
  ])("userinfo %j is sent as %j", async (userinfo, expected) => {
    const { text } = await requestTo("/", userinfo);
    const authorization = /\r\nAuthorization: Basic (\S+)\r\n/.exec(text)?.[1];
    expect(authorization && Buffer.from(authorization, "base64").toString()).toBe(expected);
  });

  test("has the stored bytes of all slices, those with structured data in logplex's form", async () => {
    let body = "";
    const peer = await peerThat(
      serve((socket, request) => {
        body = String(request.body);
        socket.write(ok);
      }),
    );
    const frame = '<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 ID [a b="c"] structured';
    const parcel: Parcel = {
      parcelId: "F",
      count: 2,
      slices: [
        { bytes: batchOf(["plain"]).bytes, count: 1, form: "logplex" },
        { bytes: Buffer.from(`${frame.length} ${frame}`), count: 1, form: "rfc5424" },
      ],
    };
    await sinkTo(peer.url).deliver(parcel, never);
    expect(body).toBe(
      "62 <190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - plain67 <190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - structured",
    );
  });
});

describe("the connection", () => {
  test("is one, opened at the first parcel and kept", async () => {
    const peer = await peerThat(serve((socket) => socket.write(ok)));
    const sink = sinkTo(peer.url);
    expect(peer.connections()).toBe(0);
    for (let i = 0; i < 5; i++)
      expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    expect(peer.connections()).toBe(1);
    await sink.close();
    await until(() => peer.open() === 0);
  });

  test("that the peer closed while it was idle is replaced, and the parcel sent again at once", async () => {
    const peer = await peerThat(
      serve((socket, { index }) => {
        if (index === 1)
          socket.destroy(); // as if it had closed before the second request came
        else socket.write(ok);
      }),
    );
    const sink = sinkTo(peer.url);
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    expect(await sink.deliver(parcelOf(["b"]), never)).toEqual({ kind: "delivered" });
    expect(peer.connections()).toBe(2);
  });

  test("that was just opened and is reset is a failed attempt", async () => {
    const peer = await peerThat(serve((socket) => socket.resetAndDestroy()));
    const verdict = await sinkTo(peer.url).deliver(parcelOf(["a"]), never);
    expect(verdict).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: `127.0.0.1:${peer.port} closed the connection before it answered: is it an https:// receiver? If not, its own log may say why`,
    });
    expect(peer.connections()).toBe(1);
  });

  test("is not kept when the peer says so, in HTTP/1.0 too", async () => {
    for (const answer of [
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\n",
    ]) {
      const peer = await peerThat(serve((socket) => socket.end(answer)));
      const sink = sinkTo(peer.url);
      expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
      expect(await sink.deliver(parcelOf(["b"]), never)).toEqual({ kind: "delivered" });
      expect(peer.connections()).toBe(2);
    }
  });

  test("refused: the words say so", async () => {
    const port = await closedPort();
    expect(await sinkTo(`http://127.0.0.1:${port}/`).deliver(parcelOf(["a"]), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: `127.0.0.1:${port} refused the connection: is the receiver running?`,
    });
  });

  test("to a name that leads to a private address is never made", async () => {
    let connections = 0;
    const peer = await peerThat(() => connections++);
    const sink = sinkTo(`http://receiver.example:${peer.port}/`, { policy: addressPolicy([]) });
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason:
        "receiver.example leads to a loopback address, where drains may not be sent: the operator can allow it with --drain-allow",
    });
    expect(connections).toBe(0);
  });

  test("to a name that does not exist, or whose name servers are silent, is told as such", async () => {
    const failing =
      (code: NameFailureCode): SinkOptions["resolve"] =>
      (_name, _options, done) =>
        done(new NameFailure(code, 4_000), []);
    for (const [code, words] of [
      ["ENOTFOUND", "the name receiver.example does not exist: check the drain's URL"],
      [
        "DNS_SILENT",
        "the name servers of receiver.example did not answer within 4 s: whoever runs that domain has to check them. When other drains have that too, the operator has to check this server's DNS",
      ],
      [
        "DNS_FAILED",
        "the name servers of receiver.example are in trouble: whoever runs that domain has to check them. When other drains have that too, the operator has to check this server's DNS",
      ],
      [
        "DNS_GONE",
        "the name receiver.example could not be looked up, as this server's own name servers cannot be reached: the operator has to check its DNS",
      ],
    ] as const) {
      const sink = sinkTo("http://receiver.example/", { resolve: failing(code) });
      expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({
        kind: "retry",
        cause: expect.any(String),
        reason: words,
      });
    }
  });

  test("that does not come about in time is given up", async () => {
    const sink = sinkTo("http://receiver.example:8080/", { resolve: () => {}, connectMsMax: 50 });
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason:
        "receiver.example:8080 could not be looked up within 0.05 s: many names wait for their turn, or their name servers do not answer; it is tried again. When it lasts, the operator has to check this server's DNS",
    });
  });

  test("a delivery that is aborted rejects with the reason, and leaves no connection", async () => {
    const peer = await peerThat((socket) => socket.resume());
    const aborting = new AbortController();
    const delivery = sinkTo(peer.url).deliver(parcelOf(["a"]), aborting.signal);
    await until(() => peer.connections() === 1);
    const reason = new Error("enough");
    aborting.abort(reason);
    await expect(delivery).rejects.toBe(reason);
    await until(() => peer.open() === 0);
    await expect(sinkTo(peer.url).deliver(parcelOf(["a"]), aborting.signal)).rejects.toBe(reason);
  });
});

describe("the answer", () => {
  test.each([200, 201, 202, 204, 205, 299])("%i delivers, and no time has to pass", async (status) => {
    holdTime();
    const length = status === 204 ? "" : "Content-Length: 0\r\n";
    expect(await verdictOn(`HTTP/1.1 ${status} Fine\r\n${length}\r\n`)).toEqual({ kind: "delivered" });
  });

  test.each([301, 302, 307, 308, 401, 403, 404, 405, 408, 410, 418, 429, 451, 500, 502, 503, 504, 599])(
    "%i is tried again",
    async (status) => {
      expect(await verdictOn(`HTTP/1.1 ${status} No\r\nContent-Length: 4\r\n\r\nnope`)).toMatchObject({
        kind: "retry",
        reason: expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\d+ answered ${status} \\("nope"\\): .`)),
      });
    },
  );

  test.each([400, 415, 422])("%i refuses", async (status) => {
    expect((await verdictOn(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)).kind).toBe("refused");
  });

  test("413 asks for less", async () => {
    expect((await verdictOn("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")).kind).toBe("split");
  });

  test.each([
    ["7", 7_000],
    ["0", 0],
    ["Wed, 01 May 2024 10:01:30 GMT", 90_000],
    ["Wed, 01 May 2024 09:00:00 GMT", 0],
    ["99999999", 3_600_000],
    ["soon", undefined],
  ])("Retry-After: %s is a wait of %s ms", async (after, afterMs) => {
    const verdict = await verdictOn(
      `HTTP/1.1 429 Slow\r\nRetry-After: ${after}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(verdict).toMatchObject({ kind: "retry" });
    expect((verdict as { afterMs?: number }).afterMs).toBe(afterMs);
  });

  test("interim answers are waited out", async () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    expect(await verdictOn([interim, hints, ok])).toEqual({ kind: "delivered" });
  });

  test("interim answers without an end are given up", async () => {
    const verdict = await verdictOn(["HTTP/1.1 100 Continue\r\n\r\n"], { attemptMsMax: 100 });
    expect(verdict).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("gave no answer within 0.1 s: "),
    });
  });

  test("a change of protocols that nobody asked for is tried again", async () => {
    expect(
      (await verdictOn("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")).kind,
    ).toBe("retry");
  });

  test.each(["SSH-2.0-OpenSSH\r\n", "220 mail ESMTP\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0\0\0\0\0\0"])(
    "%j is no HTTP, and the owner is told so",
    async (text) => {
      expect(await verdictOn(text)).toMatchObject({
        kind: "retry",
        reason: expect.stringContaining("does not answer in HTTP/1.1"),
      });
    },
  );

  test("never: the attempt ends in its time, and its connection with it", async () => {
    const peer = await peerThat(serve(() => {}));
    const verdict = await sinkTo(peer.url, { attemptMsMax: 100 }).deliver(parcelOf(["a"]), never);
    expect(verdict).toEqual({
      kind: "retry",
      cause: expect.any(String),
      slow: true,
      reason: expect.stringMatching(`^127.0.0.1:${peer.port} gave no answer within 0.1 s: `),
    });
    await until(() => peer.open() === 0);
  });

  test("byte by byte, and never to its end: its status counts, within a second or so", async () => {
    for (const [status, kind] of [
      [200, "delivered"],
      [503, "retry"],
    ] as const) {
      const peer = await peerThat(
        serve((socket) => {
          const dripping = setInterval(() => socket.write("x"), 10);
          socket.write(`HTTP/1.1 ${status} Word\r\nX-Slow: `);
          socket.once("close", () => clearInterval(dripping));
        }),
      );
      expect(await sinkTo(peer.url).deliver(parcelOf(["a"]), never)).toMatchObject({
        kind,
      });
      await until(() => peer.open() === 0);
    }
  });

  test("byte by byte, and no status: the attempt ends in its time", async () => {
    const peer = await peerThat(
      serve((socket) => {
        const dripping = setInterval(() => socket.write("\n"), 10);
        socket.once("close", () => clearInterval(dripping));
      }),
    );
    const verdict = await sinkTo(peer.url, { attemptMsMax: 150 }).deliver(parcelOf(["a"]), never);
    expect(verdict).toMatchObject({ kind: "retry", slow: true });
    await until(() => peer.open() === 0);
  });

  test("a body without an end: the status alone decides, no time has to pass, and the connection is closed", async () => {
    holdTime();
    const peer = await peerThat(
      serve((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const flood = setInterval(() => socket.write(Buffer.alloc(65_536, "x")), 1);
        socket.once("close", () => clearInterval(flood));
      }),
    );
    expect(await sinkTo(peer.url).deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    vi.useRealTimers();
    await until(() => peer.open() === 0);
  });

  test("a body that does not come: the status alone decides, long before the attempt is over", async () => {
    const peer = await peerThat(
      serve((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")),
    );
    const sink = sinkTo(peer.url);
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    await until(() => peer.open() === 0);
  });

  test("a body that is reset amid: the status alone decides", async () => {
    const peer = await peerThat(
      serve((socket) => {
        socket.write("HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nabc", () =>
          setTimeout(() => socket.resetAndDestroy(), 20),
        );
      }),
    );
    expect(await sinkTo(peer.url).deliver(parcelOf(["a"]), never)).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("answered 503"),
    });
  });

  test("reset amid its headers: the status alone decides", async () => {
    const peer = await peerThat(
      serve((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nX-Half", () => setTimeout(() => socket.resetAndDestroy(), 20));
      }),
    );
    expect(await sinkTo(peer.url).deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
  });

  test("reset amid its status line is a failed attempt", async () => {
    const peer = await peerThat(
      serve((socket) => {
        socket.write("HTTP/1.1 20", () => setTimeout(() => socket.resetAndDestroy(), 20));
      }),
    );
    expect(await sinkTo(peer.url).deliver(parcelOf(["a"]), never)).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("closed the connection before it answered"),
    });
  });

  test("shows its first bytes to the owner, printable, and not what it repeats of the secrets", async () => {
    const peer = await peerThat(
      serve((socket, { head }) => {
        const body = `bad\u0007 user-name pass-word ${/Basic (\S+)/.exec(head)![1]} ${"y".repeat(5_000)}`;
        socket.write(`HTTP/1.1 400 No\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      }),
    );
    const url = `http://user-name:pass-word@127.0.0.1:${peer.port}/`;
    const { reason } = (await sinkTo(url).deliver(parcelOf(["a"]), never)) as { reason: string };
    expect(reason).toContain(' ("bad  … … … yyy');
    expect(reason.length).toBeLessThan(350);
    expect(reason).not.toMatch(/user-name|pass-word|Basic/);
  });

  /** More than the buffers of both sides hold. */
  const large = () => parcelOf(Array.from({ length: 8_000 }, () => "x".repeat(2_000)));

  test("before the body was read, and nothing is read ever: it counts, and the next parcel gets a new connection", async () => {
    const peer = await peerThat((socket, index) => {
      if (index > 0) return serve((again) => again.write(ok))(socket);
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const sink = sinkTo(peer.url);
    expect(await sink.deliver(large(), never)).toMatchObject({ kind: "split" });
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    expect(peer.connections()).toBe(2);
  });

  test("before the body was read, with the connection half closed as nginx does", async () => {
    const peer = await peerThat((socket) => {
      socket.once("data", () => {
        socket.end("HTTP/1.1 413 Too large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        socket.resume(); // lingering: what still comes is read and thrown away
      });
    });
    expect(await sinkTo(peer.url).deliver(large(), never)).toMatchObject({ kind: "split" });
  });

  test("a receiver that reads slowly is waited for within the attempt's time", async () => {
    const peer = await peerThat((socket) => {
      let bytes = 0;
      socket.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        socket.pause();
        setTimeout(() => socket.resume(), 1);
        if (bytes > 4_000_000) socket.write(ok);
      });
    });
    expect(await sinkTo(peer.url).deliver(large(), never)).toEqual({
      kind: "delivered",
    });
  });
});

describe("TLS", () => {
  type Tls = { readonly key: string; readonly cert: string };
  async function verdictOf(tls: Tls, { host = "localhost", drain = { ca } as Partial<DrainRecord> } = {}) {
    let taken = 0;
    const peer = await peerThat(
      serve((socket) => {
        taken++;
        socket.write(ok);
      }),
      { tls },
    );
    const sink = sinkTo(`https://${host}:${peer.port}/`, { drain });
    return { verdict: await sink.deliver(parcelOf(["a"]), never), taken, port: peer.port };
  }

  test("a certificate by the drain's own authority, for the name and for the address, is trusted", async () => {
    for (const host of ["localhost", "127.0.0.1"])
      expect(await verdictOf(serverTls, { host })).toMatchObject({
        verdict: { kind: "delivered" },
        taken: 1,
      });
  });

  test.each<[string, Tls, Partial<DrainRecord>, RegExp]>([
    [
      "by an unknown authority",
      serverTls,
      {},
      /comes from an authority that is not trusted here|came without the certificates/,
    ],
    ["that signed itself", selfSignedTls, {}, /is self-signed/],
    ["for another name", wrongNameTls, { ca }, /is for another name \(names DNS:other\.example; issuer /],
    ["that expired", expiredTls, { ca }, /has expired \(names .*; valid .* to .*\)/],
  ])(
    "a certificate %s does not hold: nothing is sent, and the words say why",
    async (_, tls, drain, words) => {
      const { verdict, taken, port } = await verdictOf(tls, { drain });
      expect(verdict).toMatchObject({ kind: "retry", certificate: true });
      expect((verdict as { reason: string }).reason).toMatch(words);
      expect((verdict as { reason: string }).reason).toMatch(
        new RegExp(`^the certificate of localhost:${port} .*: nothing was sent; .`),
      );
      expect(taken).toBe(0);
    },
  );

  test("a receiver without TLS is told as such, not as a bad certificate", async () => {
    const peer = await peerThat((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    const verdict = await sinkTo(`https://127.0.0.1:${peer.port}/`).deliver(parcelOf(["a"]), never);
    expect(verdict).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: `127.0.0.1:${peer.port} does not speak TLS: is it an http:// receiver, or is this another port?`,
    });
  });

  test("a handshake that does not end is given up in the time of connecting", async () => {
    const peer = await peerThat(() => {});
    const sink = sinkTo(`https://127.0.0.1:${peer.port}/`, { connectMsMax: 100 });
    expect(await sink.deliver(parcelOf(["a"]), never)).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: `127.0.0.1:${peer.port} took the connection and ended no TLS handshake within 0.1 s: is this its TLS port?`,
    });
  });

  test("drains of one URL with different authorities share no connection and no trust", async () => {
    const peer = await peerThat(
      serve((socket) => socket.write(ok)),
      { tls: serverTls },
    );
    const url = `https://localhost:${peer.port}/`;
    const [trusting, other, strict] = [{ ca }, { ca }, {}].map((drain) => sinkTo(url, { drain }));
    expect(await trusting!.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    expect(await other!.deliver(parcelOf(["a"]), never)).toEqual({ kind: "delivered" });
    expect(await strict!.deliver(parcelOf(["a"]), never)).toMatchObject({ certificate: true });
    expect(peer.connections()).toBe(3);
  });
});
