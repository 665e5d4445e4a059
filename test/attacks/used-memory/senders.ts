/** Senders over every door. Each numbers what it sends of each app, and says how much was taken. */
import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { ca } from "../../support/tls.ts";
import { sealed } from "./sealed-lines.ts";

export type App = { readonly name: string; readonly token: string };

export type Doors = {
  readonly url: string;
  readonly syslog: number;
  readonly syslogTls: number;
  readonly relp: number;
};

/** The streams of a sender: lines of each app that were taken. */
export type Sent = Map<string, number>;

const linesOfBurst = 60;
/** Bursts behind one another, and the rest after them: drains that lag are to catch up in the end. */
const burstsAtOnce = 8;
const restMs = 60;
const time = "2026-01-02T03:04:05.000006+00:00";
const windowMax = 100;

const counted = (frame: string): string => `${frame.length} ${frame}`;

/** Most are plain; some have no time, and some bring structured data. */
function frameOf(app: App, stream: string, n: number): string {
  const text = sealed({ app: app.name, stream, n });
  const at = n % 31 === 0 ? "-" : time;
  const data = n % 401 === 0 ? '[a@1 b="c"]' : "-";
  return `<190>1 ${at} box ${app.token} web.${n % 9} - ${data} ${text}`;
}

/** Sends until `signal`, then ends in order. */
type Send = (doors: Doors, apps: readonly App[], signal: AbortSignal) => Promise<Sent>;

/** Resolves when the kernel has it, or never will. */
const written = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve) => socket.write(text, () => resolve()));

async function ended(socket: Socket): Promise<void> {
  const closed = once(socket, "close");
  socket.end();
  await closed;
}

const syslog =
  (stream: string, open: (doors: Doors) => Socket): Send =>
  async (doors, apps, signal) => {
    const socket = open(doors);
    socket.on("error", () => {}).resume();
    const sent: Sent = new Map(apps.map(({ name }) => [name, 0]));
    for (let burst = 0; !signal.aborted && !socket.destroyed; burst++) {
      let text = "";
      for (let line = 0; line < linesOfBurst; line++) {
        const app = apps[(burst + (line >> (burst % 5))) % apps.length]!;
        const n = sent.get(app.name)!;
        sent.set(app.name, n + 1);
        text += counted(frameOf(app, stream, n));
      }
      await written(socket, text);
      await delay(burst % burstsAtOnce === 0 ? restMs : 0);
    }
    await ended(socket);
    return sent;
  };

const openTls = (port: number): Socket => connectTls({ port, host: "127.0.0.1", ca });

/** Requests, each of one app, repeated until it is taken. */
const http: Send = async (doors, apps, signal) => {
  const sent: Sent = new Map(apps.map(({ name }) => [name, 0]));
  for (let burst = 0; !signal.aborted; burst++) {
    const app = apps[burst % apps.length]!;
    const first = sent.get(app.name)!;
    let body = "";
    for (let n = first; n < first + linesOfBurst; n++)
      body += counted(`<190>1 ${time} box app web.1 - ${sealed({ app: app.name, stream: "http", n })}`);
    const headers = {
      authorization: `Basic ${Buffer.from(`token:${app.token}`).toString("base64")}`,
      "content-type": "application/logplex-1",
      "logplex-msg-count": String(linesOfBurst),
      "logplex-frame-id": `${app.name}-${first}-${doors.syslog}`,
    };
    while ((await post(`${doors.url}/logs`, headers, body)) >= 300) await delay(20);
    sent.set(app.name, first + linesOfBurst);
  }
  return sent;
};

const post = (url: string, headers: Record<string, string>, body: string): Promise<number> =>
  new Promise((resolve) => {
    const request = httpsRequest(url, { method: "POST", headers, ca }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode!));
    });
    request.once("error", () => resolve(500));
    request.end(body);
  });

/** Lines with an answer each, some at a time. */
const relp: Send = async (doors, apps, signal) => {
  const socket = openTls(doors.relp);
  const sent: Sent = new Map(apps.map(({ name }) => [name, 0]));
  let answered = 0;
  let number = 1;
  socket
    .on("error", () => {})
    .on("data", (data) => (answered += String(data).match(/\d+ rsp /g)?.length ?? 0));
  const opening = "relp_version=0\nrelp_software=x\ncommands=syslog";
  socket.write(`1 open ${opening.length} ${opening}\n`);
  while (!signal.aborted && !socket.destroyed) {
    for (const app of apps) {
      const n = sent.get(app.name)!;
      sent.set(app.name, n + 1);
      const frame = frameOf(app, "relp", n);
      await written(socket, `${++number} syslog ${frame.length} ${frame}\n`);
    }
    while (number - answered > windowMax && !socket.destroyed) await delay(1);
    await delay(2);
  }
  while (number > answered && !socket.destroyed) await delay(5);
  socket.destroy();
  return sent;
};

export const senders: readonly { readonly stream: string; readonly send: Send }[] = [
  { stream: "tcp", send: syslog("tcp", (doors) => connect(doors.syslog, "127.0.0.1")) },
  { stream: "tls", send: syslog("tls", (doors) => openTls(doors.syslogTls)) },
  { stream: "http", send: http },
  { stream: "relp", send: relp },
];
