/** Syslog drains against rsyslog itself. */
import { afterEach, describe, expect, test } from "vitest";
import type { Sink } from "../../../src/ports.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { batchOf } from "../../support/batches.ts";
import { Rsyslog, type RsyslogTls } from "../../support/rsyslog.ts";
import { ca, clientTls, expiredTls, selfSignedTls, serverTls, wrongNameTls } from "../../support/tls.ts";
import { never, parcelOf, parcelOfSlices, sinkOf, sliceWithData } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function openReceiver(tls?: RsyslogTls): Promise<Rsyslog> {
  const rsyslog = await Rsyslog.open(tls);
  opened.push(rsyslog);
  return rsyslog;
}

function openSink(url: string, rest: Partial<DrainRecord> = {}): Sink {
  const sink = sinkOf(url, rest);
  opened.push(sink);
  return sink;
}

const delivered = { kind: "delivered" };

test("what a line brought arrives field by field", async () => {
  const rsyslog = await openReceiver();
  const sink = openSink(`syslog://localhost:${rsyslog.port}`);
  const parcel = parcelOfSlices(
    batchOf(["hällo wörld"]),
    sliceWithData('<131>1 2024-05-01T10:00:00.5Z host heroku router H12 [a@1 k="v \\"q\\""] status=503\n'),
  );
  expect(await sink.deliver(parcel, never)).toEqual(delivered);
  expect(await rsyslog.got(2)).toEqual([
    {
      pri: "190",
      timestamp: "2026-01-02T03:04:05.000006+00:00",
      hostname: "d.1",
      app: "app",
      procid: "web.1",
      msgid: "-",
      data: "-",
      message: "hällo wörld",
    },
    {
      pri: "131",
      timestamp: "2024-05-01T10:00:00.5Z",
      hostname: "d.1",
      app: "heroku",
      procid: "router",
      msgid: "H12",
      data: '[a@1 k="v \\"q\\""]',
      message: "status=503",
    },
  ]);
});

test("a long line and many lines arrive whole", async () => {
  const rsyslog = await openReceiver();
  const sink = openSink(`syslog://localhost:${rsyslog.port}`);
  const texts = [...Array.from({ length: 1_500 }, (_, n) => `line ${n}`), "y".repeat(150_000)];
  expect(await sink.deliver(parcelOf(...texts), never)).toEqual(delivered);
  const messages = (await rsyslog.got(1_501)).map(({ message }) => message);
  expect(messages.findIndex((message, n) => message !== texts[n])).toBe(-1);
});

test("a receiver that is killed and starts again gets everything, in order", async () => {
  const rsyslog = await openReceiver();
  let sink = openSink(`syslog://localhost:${rsyslog.port}`);
  let failures = 0;
  for (let n = 0; n < 60; n++) {
    if (n === 20) {
      await rsyslog.got(n); // what it read and did not write yet would die with it, and nobody could know
      await rsyslog.kill();
    }
    const parcel = parcelOf(`n=${n}`);
    // The worker's part: after a failure a new sink, and the same parcel until it is taken.
    while ((await sink.deliver(parcel, never)).kind !== "delivered") {
      if (++failures === 3) await rsyslog.start();
      await sink.close();
      sink = openSink(`syslog://localhost:${rsyslog.port}`);
    }
  }
  expect(failures).toBe(3);
  await rsyslog.got(60);
  const numbers = (await rsyslog.lines()).map(({ message }) => Number(message.slice(2)));
  expect([...new Set(numbers)]).toEqual(Array.from({ length: 60 }, (_, n) => n));
});

describe("over TLS", () => {
  test("lines arrive at a receiver of a private authority, with a certificate of the client's", async () => {
    const rsyslog = await openReceiver({ ca, ...serverTls, asksClients: true });
    const sink = openSink(`syslog+tls://localhost:${rsyslog.port}`, { ca, ...clientTls });
    expect(await sink.deliver(parcelOf("one", "two"), never)).toEqual(delivered);
    expect((await rsyslog.got(2)).map(({ message }) => message)).toEqual(["one", "two"]);
  });

  test("a client without the certificate that is asked for is told so", async () => {
    const rsyslog = await openReceiver({ ca, ...serverTls, asksClients: true });
    const sink = openSink(`syslog+tls://localhost:${rsyslog.port}`, { ca });
    const verdict = await sink.deliver(parcelOf("one"), never);
    // As an alert or as a reset, whichever is read first.
    const words =
      /Does it want a client certificate \(`cert` and `key`\)\?|a client certificate: give the drain `cert` and `key`/;
    expect(verdict).toEqual({
      kind: "retry",
      cause: expect.any(String),
      reason: expect.stringMatching(words),
    });
    expect(await rsyslog.lines()).toEqual([]);
  });

  test.each([
    [
      "wrong name",
      wrongNameTls,
      "is for another name (names DNS:other.example; issuer tailrace test authority; subject other.example; valid ",
    ],
    [
      "expired",
      expiredTls,
      "has expired (names DNS:localhost, IP Address:127.0.0.1; issuer tailrace test authority; subject localhost; valid ",
    ],
    [
      "self-signed",
      selfSignedTls,
      "is self-signed (names DNS:localhost, IP Address:127.0.0.1; issuer localhost; subject localhost; valid ",
    ],
  ])("a certificate that is %s gets nothing, and its owner is told", async (_what, tls, words) => {
    const rsyslog = await openReceiver({ ca, ...tls });
    const sink = openSink(`syslog+tls://localhost:${rsyslog.port}`, { ca });
    const verdict = await sink.deliver(parcelOf("one"), never);
    expect(verdict).toMatchObject({ kind: "retry", certificate: true });
    expect("reason" in verdict && verdict.reason).toContain(words);
    expect(await rsyslog.lines()).toEqual([]);
    const careless = openSink(`syslog+tls://localhost:${rsyslog.port}#insecure`);
    expect(await careless.deliver(parcelOf("two"), never)).toEqual(delivered);
    expect((await rsyslog.got(1)).map(({ message }) => message)).toEqual(["two"]);
  });
});
