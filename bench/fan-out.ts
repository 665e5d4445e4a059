/**
 * Many tails of one app: how late are its lines, and what does one more tail cost? Lines come one by one over syslog, each
 * due at its time; every tail's bytes are read, some tails' lines are timed. Run: node bench/fan-out.ts [tails] [lines/s]
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { lineScanner } from "./routers/receiver.ts";
import { send } from "./routers/senders.ts";
import { BenchServer } from "./server.ts";

type FanOut = {
  readonly tails: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the server for a line, beyond what it costs with no tail. */
  readonly cpuMicrosPerLine: number;
};

const timedTails = 20;
const app = "bench";
const sharedBytes = Buffer.alloc(65_536);

/** The same lines with no tail, one, and `tails`; the first row is of the one. */
async function fanOut({ tails = 1_000, linesPerSecond = 1_000, seconds = 10 } = {}): Promise<FanOut[]> {
  const server = await BenchServer.start();
  const sockets: Socket[] = [];
  try {
    const token = await server.token(app);
    const rows: FanOut[] = [];
    let withoutMicros = 0;
    for (const count of [0, 1, tails]) {
      const lateMs: number[] = [];
      let isTimed = false;
      while (sockets.length < count) {
        const onLine = (late: number | undefined) => late !== undefined && lateMs.push(late);
        const scan = sockets.length < timedTails ? lineScanner(() => isTimed, onLine) : () => {};
        sockets.push(await openTail(server, scan));
      }
      const lines = (some: number) =>
        send({
          way: "tcp",
          port: server.syslogPort,
          senders: [token],
          connections: 1,
          lines: some * linesPerSecond,
          linesPerSecond,
        });
      await lines(2);
      isTimed = true;
      const before = await server.cpuSeconds();
      await lines(seconds);
      await delay(1_000);
      const micros = (((await server.cpuSeconds()) - before) * 1e6) / (seconds * linesPerSecond);
      if (count === 0) withoutMicros = micros;
      lateMs.sort((a, b) => a - b);
      const at = (share: number) => lateMs[Math.floor(lateMs.length * share)] ?? Number.NaN;
      if (count > 0)
        rows.push({
          tails: count,
          p50Ms: at(0.5),
          p99Ms: at(0.99),
          cpuMicrosPerLine: micros - withoutMicros,
        });
    }
    return rows;
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

async function openTail(server: BenchServer, onData: (data: Buffer) => void): Promise<Socket> {
  const session = await server.call("POST", `/apps/${app}/log-sessions`, { tail: true, lines: 1 });
  const { host, hostname, port, pathname, search } = new URL(
    (session as { logplex_url: string }).logplex_url,
  );
  // One memory for what all of them read: it is looked at before the next read.
  const onread = {
    buffer: sharedBytes,
    callback: (length: number, bytes: Uint8Array) => {
      onData(Buffer.from(bytes.buffer, bytes.byteOffset, length));
      return true;
    },
  };
  const socket = connect({ port: Number(port), host: hostname, onread });
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/plain\r\n\r\n`);
  await once(socket, "connect");
  return socket;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [tails = 1_000, linesPerSecond = 1_000] = process.argv.slice(2).map(Number);
  console.table(await fanOut({ tails, linesPerSecond }));
}
