/** Attacks by readers and drains of an app: unread logs, patterns, receivers that talk, floods of tests. */
import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Attack,
  again,
  attackerAddress,
  call,
  called,
  fates,
  fillLog,
  frame,
  frames,
  open,
  post,
  Raw,
  Tally,
  type Target,
} from "./attack.ts";

/** Takes 240 states through each character of a line. */
const pattern = "(?i)(?:[a-q]?){240}\\bz";
const streamsOpen = 100;

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** 100 streams of sessions that are read, while a few lines of 10 kB come. */
const streams = (session: (number: number) => object): Attack => ({
  prepare: fillLog,
  async run(target, signal) {
    const tally = new Tally();
    const stream = async (number: number) => {
      const made = await call(target, "POST", `/apps/${target.app}/log-sessions`, session(number));
      if (made.status !== 201) return tally.add(`${made.status} ${made.text}`);
      const { logplex_url: url } = JSON.parse(made.text) as { logplex_url: string };
      const sent = get(url, { agent: false, localAddress: attackerAddress }, (response) => {
        tally.add(`stream ${response.statusCode}`);
        response.resume().on("error", () => {});
      });
      sent.on("error", () => tally.add("stream broke"));
      signal.addEventListener("abort", () => sent.destroy());
    };
    const opened = Promise.all(Array.from({ length: streamsOpen }, (_, number) => stream(number)));
    while (!signal.aborted) {
      tally.add(`post ${(await post(target, frames(10, "a".repeat(9_900)))).status}`);
      await Promise.race([delay(500), called(signal)]);
    }
    await Promise.race([opened, delay(2_000)]);
    return tally.answers;
  },
});

/** Six drains of these fields, and 50 lines of 10 kB every 400 ms. */
const drains = (fields: (number: number) => object): Attack => ({
  async run(target, signal) {
    const tally = new Tally();
    const sink = createHttpServer((request, response) => request.resume().on("end", () => response.end()));
    const address = await listen(sink);
    for (let number = 0; number < 6; number++) {
      const url = `http://${address}/${number}`;
      const { status, text } = await call(target, "POST", `/apps/${target.app}/log-drains`, {
        url,
        ...fields(number),
      });
      tally.add(status === 201 ? "drain 201" : `drain ${status} ${text}`);
    }
    while (!signal.aborted) {
      tally.add(`post ${(await post(target, frames(50, "a".repeat(9_900)))).status}`);
      await Promise.race([delay(400), called(signal)]);
    }
    sink.close().closeAllConnections();
    return tally.answers;
  },
});

/** A receiver that writes without end, as fast as it is read. */
const endless = (begin: string, more: string | Buffer, whenAsked: boolean) =>
  createServer((socket: Socket) => {
    const talk = () => {
      while (!socket.destroyed && socket.write(more)) {}
    };
    socket.on("error", () => {}).on("drain", talk);
    const start = () => {
      socket.write(begin);
      talk();
    };
    if (whenAsked) socket.once("data", start);
    else start();
    socket.resume();
  });

async function drainTo(target: Target, url: string): Promise<string> {
  const { text } = await call(target, "POST", `/apps/${target.app}/log-drains`, { url });
  return (JSON.parse(text) as { id: string }).id;
}

export const readerAttacks: Readonly<Record<string, Attack>> = {
  "200 readers of a log that do not read": {
    prepare: fillLog,
    async run(target, signal) {
      const asked = `GET /v3/channels/${target.app}/logs?num=1500 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.key}\r\n\r\n`;
      const raws = await open(200, signal, () => {
        const raw = new Raw(target.port, { reads: false });
        raw.socket.write(asked);
        return raw;
      });
      await called(signal);
      return fates(raws);
    },
  },
  "100 tails with a costly pattern": streams((n) => ({ tail: true, lines: 0, match: pattern + n })),
  "100 tails of history with a costly pattern": streams((n) => ({
    tail: true,
    lines: 10,
    match: pattern + n,
  })),
  "100 searches with a costly pattern": streams((n) => ({ tail: false, lines: 100, match: pattern + n })),
  "6 drains that filter by a costly pattern": drains((n) => ({ filter: { match: pattern + n } })),
  "6 drains that redact by a costly pattern": drains((n) => ({ redact: { patterns: [pattern + n] } })),
  "receivers that talk without end": {
    async run(target, signal) {
      const many = Buffer.alloc(65_536, "x");
      const hints = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n".repeat(1_000);
      const receivers = [
        ["syslog", endless("", many, false)],
        ["http", endless("", hints, true)],
        ["http", endless("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", many, true)],
        ["http", endless("HTTP/1.1 200 OK\r\n", "X-A: b\r\n".repeat(500), true)],
      ] as const;
      const tally = new Tally();
      for (const [scheme, receiver] of receivers) {
        receiver.on("connection", () => tally.add(`connected to over ${scheme}`));
        await drainTo(target, `${scheme}://${await listen(receiver)}/`);
      }
      await again(1, signal, async () => {
        await post(target, frame("hello"));
        await delay(20);
      });
      for (const [, receiver] of receivers) receiver.close();
      return tally.answers;
    },
  },
  "actions/test by 300 at once": {
    async run(target, signal) {
      const silent = createServer((socket) => socket.on("error", () => {}).resume());
      const id = await drainTo(target, `http://${await listen(silent)}/`);
      const tally = new Tally();
      await again(300, signal, async () => {
        const { status } = await call(target, "POST", `/apps/${target.app}/log-drains/${id}/actions/test`);
        tally.add(String(status));
        await delay(20);
      });
      silent.close();
      return tally.answers;
    },
  },
};
