/**
 * The floor for bodies: `POST /logs` to plain Node, frames made lines in the body's own memory, one file and one sync for all,
 * then 204, and one request at a time to each app's drain with what waits. Started as `floor.ts` is; Authorization is the app's name.
 */
import { fdatasync, writev } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { preparedFile, segmentBytes } from "./floor-file.ts";

type Settings = { readonly apps: readonly string[]; readonly drainPort: number; readonly file: string };

const { apps: names, drainPort, file } = JSON.parse(process.argv[2]!) as Settings;
const space = 0x20;
const zero = 0x30;
const closing = 0x3e;
const dash = 0x2d;
const own = Buffer.from(" host app ");

type Lines = { readonly bytes: Buffer; readonly count: number };
type App = { readonly path: string; readonly agent: Agent; waiting: Lines[]; isSending: boolean };
type Work = { readonly app: App; readonly lines: Lines; readonly done: () => void };

const apps = new Map<string, App>(
  names.map((name) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    return [name, { path: `/${name}`, agent, waiting: [], isSending: false }];
  }),
);
let works: Work[] = [];
let isCommitting = false;
let fileAt = 0;

const fd = preparedFile(file);

function afterWords(bytes: Buffer, start: number, count: number): number {
  let at = start;
  for (let words = 0; words < count; at++) if (bytes[at] === space) words++;
  return at;
}

// Lines are shorter than their frames here, so that each is written where it was read.
function canonise(bytes: Buffer): Lines {
  let count = 0;
  let to = 0;
  for (let at = 0; at < bytes.length; count++) {
    let length = 0;
    while (bytes[at] !== space) length = length * 10 + bytes[at++]! - zero;
    const start = at + 1;
    const end = start + length;
    const timeAt = bytes.indexOf(closing, start) + 3;
    const timeEnd = afterWords(bytes, timeAt, 1) - 1;
    const processAt = afterWords(bytes, timeEnd, 3);
    const processEnd = afterWords(bytes, processAt, 1) - 1;
    let messageAt = afterWords(bytes, processEnd, 2);
    if (bytes[messageAt] === dash) messageAt += 2;
    const lineBytes = timeEnd - start + own.length + (processEnd - processAt) + 3 + (end - messageAt);
    to += bytes.write(`${lineBytes} `, to, "latin1");
    for (let i = start; i < timeEnd; i++) bytes[to++] = bytes[i]!;
    for (let i = 0; i < own.length; i++) bytes[to++] = own[i]!;
    for (let i = processAt; i < processEnd; i++) bytes[to++] = bytes[i]!;
    to += bytes.write(" - ", to, "latin1");
    bytes.copyWithin(to, messageAt, end);
    to += end - messageAt;
    at = end;
  }
  return { bytes: bytes.subarray(0, to), count };
}

// One commit at a time; what comes meanwhile makes the next.
function commit(): void {
  if (isCommitting || works.length === 0) return;
  isCommitting = true;
  const parts = works;
  works = [];
  const bytes = parts.reduce((sum, { lines }) => sum + lines.bytes.length, 0);
  if (fileAt + bytes > segmentBytes) fileAt = 0;
  const views = parts.map(({ lines }) => lines.bytes);
  writev(fd, views, fileAt, (failure) => {
    if (failure) throw failure;
    fdatasync(fd, () => stored(parts));
  });
  fileAt += bytes;
}

function stored(parts: readonly Work[]): void {
  isCommitting = false;
  for (const { app, lines, done } of parts) {
    done();
    app.waiting.push(lines);
    if (!app.isSending) send(app);
  }
  commit();
}

function send(app: App): void {
  app.isSending = app.waiting.length > 0;
  if (!app.isSending) return;
  const lines = app.waiting;
  app.waiting = [];
  const body = Buffer.concat(lines.map(({ bytes }) => bytes));
  const headers = {
    "content-type": "application/logplex-1",
    "logplex-msg-count": lines.reduce((sum, { count }) => sum + count, 0),
    "content-length": body.length,
  };
  const { path, agent } = app;
  const options = { host: "127.0.0.1", port: drainPort, path, method: "POST", agent, headers };
  request(options, (response) => response.resume().on("end", () => send(app)))
    .on("error", () => {})
    .end(body);
}

const server = createServer((incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => void chunks.push(chunk));
  incoming.on("end", () => {
    const app = apps.get(incoming.headers.authorization ?? "");
    if (app === undefined) return response.writeHead(401).end();
    const done = () => void response.writeHead(204).end();
    works.push({ app, lines: canonise(Buffer.concat(chunks)), done });
    if (!isCommitting) setImmediate(commit);
    return undefined;
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.once("SIGTERM", () => process.exit(0));
