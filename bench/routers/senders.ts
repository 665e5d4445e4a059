/** Sends a job's lines: over TCP or as HTTP bodies, as fast as they are taken or each at its time. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { linesABody, type Way } from "./job.ts";
import { frameOf, requestOf, writeTime } from "./lines.ts";

export type Sending = {
  readonly way: Way;
  readonly port: number;
  readonly senders: readonly string[];
  readonly connections: number;
  readonly lines: number;
  readonly linesPerSecond: number | undefined;
};

const tickMs = 1;

/** The load's own clock. */
export const nowMicros = (): number => Math.round(performance.now() * 1000);

/** Resolves when all was taken. */
export async function send(sending: Sending): Promise<void> {
  const { connections, lines, senders, linesPerSecond } = sending;
  if (linesPerSecond !== undefined) return sendPaced(sending, linesPerSecond);
  const shares = Array.from(
    { length: connections },
    (_, at) => Math.floor(lines / connections) + (at < lines % connections ? 1 : 0),
  );
  const sendersFor = (at: number) =>
    senders.length <= connections
      ? [senders[at % senders.length]!]
      : senders.filter((_, app) => app % connections === at);
  const one = sending.way === "tcp" ? sendFrames : sendBodies;
  await Promise.all(shares.map((share, at) => one(sending.port, sendersFor(at), share)));
}

async function sendFrames(port: number, names: readonly string[], lines: number): Promise<void> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  const frames = names.map((name) => frameOf(name).bytes);
  const linesAtOnce = Math.max(frames.length, 250);
  const chunk = Buffer.concat(Array.from({ length: linesAtOnce }, (_, at) => frames[at % frames.length]!));
  let left = lines;
  for (; left >= linesAtOnce; left -= linesAtOnce) await written(socket, chunk);
  for (let at = 0; at < left; at++) await written(socket, frames[at % frames.length]!);
  await new Promise<void>((resolve) => socket.end(resolve));
}

// One request in flight, as a sender that waits for its answer.
async function sendBodies(port: number, authorizations: readonly string[], lines: number): Promise<void> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  const requests = authorizations.map(requestOf);
  for (let sent = 0, at = 0; sent < lines; sent += linesABody, at++) {
    socket.write(requests[at % requests.length]!);
    const [answer] = (await once(socket, "data")) as [Buffer];
    const status = answer.toString("latin1", 9, 12);
    if (!status.startsWith("2")) throw new Error(`the answer was ${answer.toString("latin1")}`);
  }
  socket.destroy();
}

async function sendPaced({ port, senders, connections, lines }: Sending, perSecond: number): Promise<void> {
  const sockets = Array.from({ length: connections }, () => connect(port, "127.0.0.1").setNoDelay(true));
  const frames = senders.map(frameOf);
  const startMicros = nowMicros();
  const microsEach = 1e6 / perSecond;
  for (let next = 0; next < lines; await delay(tickMs)) {
    const due = Math.min(lines, Math.floor((nowMicros() - startMicros) / microsEach));
    for (const socket of sockets) socket.cork();
    for (; next < due; next++) {
      const { bytes, timeAt } = frames[next % frames.length]!;
      const own = Buffer.from(bytes);
      writeTime(own, timeAt, Math.round(startMicros + next * microsEach));
      sockets[next % sockets.length]!.write(own);
    }
    for (const socket of sockets) socket.uncork();
  }
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.end(resolve))));
}

const written = (socket: Socket, bytes: Buffer): Promise<unknown> | undefined =>
  socket.write(bytes) ? undefined : once(socket, "drain");
