/** Attacks on the doors for lines: bodies that unzip to much, are slow or never end; guessed tokens; floods over syslog. */
import { randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  type Attack,
  again,
  ask,
  attackerAddress,
  basic,
  called,
  fates,
  frame,
  frames,
  open,
  post,
  postHead,
  Raw,
  Tally,
  type Target,
} from "./attack.ts";

/** Eight senders post one zipped body, each request over a new connection. */
const zipped = (
  inflated: () => Buffer | string,
  senders = 8,
  headOf = (target: Target, length: number) =>
    postHead(target, length, ["Content-Encoding: gzip", "Connection: close"]),
): Attack => ({
  async run(target, signal) {
    const body = gzipSync(inflated());
    const head = headOf(target, body.length);
    const tally = new Tally();
    await again(senders, signal, async () => {
      const raw = new Raw(target.port);
      raw.socket.write(head);
      raw.socket.write(body);
      await Promise.race([raw.closed(), called(signal)]);
      tally.add(raw.fate);
      raw.socket.destroy();
    });
    return tally.answers;
  },
});

/** Eight senders post one body of this type as fast as they are answered. `more`: header fields of each request. */
const bodies = (
  path: string,
  type: string,
  make: () => string,
  more: () => Readonly<Record<string, string>> = () => ({}),
): Attack => ({
  async run(target, signal) {
    const body = Buffer.from(make());
    const tally = new Tally();
    await again(8, signal, async () => {
      const authorization = `Bearer ${target.token}`;
      const headers = { authorization, "content-type": type, ...more() };
      const { status } = await ask(target, "POST", path, { body, headers });
      tally.add(String(status));
    });
    return tally.answers;
  },
});

/** Connections whose body is begun with `begin` and goes on with a byte each fifth of a second, or not at all. */
const unfinished = (
  count: number,
  declared: number,
  begin: Buffer,
  more: readonly string[] = [],
): Attack => ({
  async run(target, signal) {
    const raws = await open(count, signal, () => {
      const raw = new Raw(target.port);
      raw.socket.write(postHead(target, declared, more));
      raw.socket.write(begin);
      return raw;
    });
    while (!signal.aborted) {
      for (const { socket } of raws) if (!socket.destroyed) socket.write("9");
      await delay(200);
    }
    return fates(raws);
  },
});

/** Fifty senders of bodies of 200,000 chunks, each on a connection of its own; `headOf` says how the head would be without them. */
const inChunks = (headOf: (target: Target) => string): Attack => ({
  async run(target, signal) {
    const head = headOf(target).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    const chunks = `${"1\r\n9\r\n".repeat(200_000)}0\r\n\r\n`;
    const tally = new Tally();
    await again(50, signal, async () => {
      const raw = new Raw(target.port);
      raw.socket.write(head);
      raw.socket.write(chunks);
      await Promise.race([raw.closed(), called(signal)]);
      tally.add(raw.fate);
      raw.socket.destroy();
    });
    return tally.answers;
  },
});

/** Connections that send frames as fast as they are taken. */
const syslogFlood = (connections: number, bytesOf: (token: string) => string): Attack => ({
  async run(target, signal) {
    const bytes = Buffer.from(bytesOf(target.token));
    const raws = await open(connections, signal, () => new Raw(target.syslogPort));
    let sent = 0;
    const flood = async ({ socket }: Raw) => {
      while (!signal.aborted && !socket.destroyed) {
        sent += bytes.length;
        if (!socket.write(bytes)) await Promise.race([once(socket, "drain").catch(() => {}), called(signal)]);
      }
    };
    await Promise.all(raws.map(flood));
    return { ...fates(raws), "MiB written": sent >> 20 };
  },
});

export const ingestAttacks: Readonly<Record<string, Attack>> = {
  "2.67 million frames in 7.8 kB": zipped(() => "1 x".repeat(2_666_000)),
  "bodies of 125,000 frames": zipped(() => "1 x".repeat(125_000)),
  "bodies of 8 MB of one frame": zipped(() => frame("x".repeat(7_900_000))),
  "bodies that inflate to 300 MB": zipped(() => Buffer.alloc(300_000_000)),
  "bodies of 8 MB of lines of 10 kB, as fast as they are taken": {
    async run(target, signal) {
      const body = frames(790, "x".repeat(9_900));
      const tally = new Tally();
      await again(8, signal, async () => {
        const { status, text } = await post(target, body);
        tally.add(`${status} ${text}`);
      });
      return tally.answers;
    },
  },
  "bodies of JSON: 2 MB of empty objects": bodies(
    "/logs",
    "application/json",
    () => `[${"{},".repeat(660_000)}{}]`,
  ),
  "bodies of NDJSON: a line of 8 MB of empty lists": bodies(
    "/logs",
    "application/x-ndjson",
    () => `[${"[],".repeat(2_600_000)}[]]`,
  ),
  "bodies of NDJSON: 32 lines of 250 kB of empty lists": bodies("/logs", "application/x-ndjson", () =>
    Array.from({ length: 32 }, () => `[${"[],".repeat(83_000)}[]]`).join("\n"),
  ),
  "bodies of 125,000 empty lines of text": bodies(`/logs?process=${"p".repeat(128)}`, "text/plain", () =>
    "\n".repeat(125_000),
  ),
  "bodies of OTLP in JSON: 500 records that share 30 kB": bodies("/v1/logs", "application/json", () => {
    const resource = { attributes: [{ key: "k", value: { stringValue: "r".repeat(30_000) } }] };
    return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: Array(500).fill({}) }] }] });
  }),
  "bodies of OTLP in JSON: 2 MB of empty objects": bodies(
    "/v1/logs",
    "application/json",
    () => `{"resourceLogs":[${"{},".repeat(660_000)}{}]}`,
  ),
  "bodies of OTLP in JSON: an object of 170,000 members": bodies(
    "/v1/logs",
    "application/json",
    () => `{${Array.from({ length: 170_000 }, (_, at) => `"a${at}":1`).join(",")}}`,
  ),
  "bodies of OTLP that inflate to 4 million empty scopes": zipped(
    () => Buffer.concat([Buffer.from([0x0a, 0xfa, 0xa3, 0xe8, 0x03]), Buffer.alloc(7_999_994, "\x12\0")]),
    8,
    (target, length) =>
      postHead(target, length, ["Content-Encoding: gzip", "Connection: close"])
        .replace("/logs", "/v1/logs")
        .replace("logplex-1", "x-protobuf"),
  ),
  "bodies of 8 MB with an id of their own each": bodies(
    "/logs",
    "application/logplex-1",
    () => frames(790, "x".repeat(9_900)),
    () => ({ "logplex-frame-id": randomUUID() }),
  ),
  "900 slow bodies": unfinished(900, 8_000_000, Buffer.alloc(300_000, "9")),
  "400 unfinished gzip bodies of 8 MB": unfinished(400, 100_000, gzipSync(Buffer.alloc(7_900_000, "9")), [
    "Content-Encoding: gzip",
  ]),
  "bodies in chunks of a byte": inChunks((target) => postHead(target, 0, ["Connection: close"])),
  "bodies of the API in chunks of a byte": inChunks(
    ({ key }) =>
      `POST /apps HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
  ),
  "POST /logs with unknown tokens": {
    async run(target, signal) {
      const tally = new Tally();
      await again(50, signal, async () => {
        const headers = {
          authorization: basic({ token: `t.${randomUUID()}` }),
          "content-type": "application/logplex-1",
        };
        const { status } = await ask(target, "POST", "/logs", { body: frame("x"), headers });
        tally.add(String(status));
      });
      return tally.answers;
    },
  },
  "syslog: unknown tokens that end alike": syslogFlood(1, () =>
    Array.from({ length: 5_000 }, () => frame("x", `t.${randomUUID().slice(0, -8)}aaaaaaaa`)).join(""),
  ),
  "syslog: a flood with a valid token, 4 connections": syslogFlood(4, (token) =>
    frame("x".repeat(100), token).repeat(300),
  ),
  "syslog: a flood of tiny lines with a valid token": syslogFlood(4, (token) => frame("", token).repeat(700)),
  "syslog over UDP: a flood with a valid token from 200 ports": {
    async run({ udpPort, token }, signal) {
      const line = Buffer.from(frame("x".repeat(100), token).replace(/^\d+ /, ""));
      const sockets = Array.from({ length: 200 }, () => createSocket("udp4"));
      await Promise.all(sockets.map((socket) => once(socket.bind(0, attackerAddress), "listening")));
      let sent = 0;
      for (let at = 0; !signal.aborted; at++) {
        sockets[at % sockets.length]!.send(line, udpPort, "127.0.0.1");
        if (++sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const socket of sockets) socket.close();
      return { "datagrams sent": sent };
    },
  },
  "RELP: 50 clients with windows of a thousand lines, answers unread": {
    async run({ relpPort, token }, signal) {
      const line = frame("", token).replace(/^\d+ /, "");
      const raws = await open(50, signal, () => new Raw(relpPort, { reads: false }));
      let sent = 0;
      const flood = async ({ socket }: Raw) => {
        socket.write("1 open 0 \n");
        for (let number = 2; !signal.aborted && !socket.destroyed; ) {
          let window = "";
          for (let left = 1_000; left > 0; left--)
            window += `${(number++ % 900_000_000) + 1} syslog ${Buffer.byteLength(line)} ${line}\n`;
          sent += window.length;
          if (!socket.write(window))
            await Promise.race([once(socket, "drain").catch(() => {}), called(signal)]);
        }
      };
      await Promise.all(raws.map(flood));
      return { ...fates(raws), "MiB written": sent >> 20 };
    },
  },
  "syslog: 1,000 unfinished frames": {
    async run(target, signal) {
      const begin = `${frame("known", target.token)}260000 <190>1 ${"x".repeat(250_000)}`;
      const raws = await open(1_000, signal, () => {
        const raw = new Raw(target.syslogPort);
        raw.socket.write(begin);
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "syslog: 4,000 silent connections from four addresses": {
    async run(target, signal) {
      const raws = await open(
        4_000,
        signal,
        (n) => new Raw(target.syslogPort, { from: `127.0.0.${2 + (n % 4)}` }),
      );
      await called(signal);
      return fates(raws);
    },
  },
  "syslog: 1,000 silent connections": {
    async run(target, signal) {
      const raws = await open(1_000, signal, () => new Raw(target.syslogPort));
      await called(signal);
      return fates(raws);
    },
  },
};
