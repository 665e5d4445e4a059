/**
 * The floor: what plain Node does with syslog over TCP when nothing stands in its way. Lines in, one file and one sync for all
 * apps together, lines out to each app's drain. No tokens, no retention, no readers, no recovery, no errors: something to
 * measure against, not a design. Run by `peers/others.ts`; the settings come as JSON in the first argument.
 */
import { closeSync, fdatasync, writev } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { preparedFile, segmentBytes } from "./floor-file.ts";

type Settings = { readonly apps: readonly string[]; readonly drainPort: number; readonly file: string };

const { apps: names, drainPort, file } = JSON.parse(process.argv[2]!) as Settings;
const space = 0x20;
const batchBytesMax = 256 << 10;
const waitingBytesMax = 16 << 20;

type App = { readonly token: Buffer; readonly drain: Socket; buffer: Buffer; end: number; isDirty: boolean };
type Part = { readonly app: App; readonly buffer: Buffer; readonly end: number };

const spare: Buffer[] = [];
const fresh = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(batchBytesMax);
const apps = new Map<string, App>(
  names.map((name, at) => {
    const drain = connect(drainPort, "127.0.0.1")
      .on("error", () => {})
      .setNoDelay(true);
    const token = Buffer.from(`d.${String(at).padStart(36, "0")}`);
    return [name, { token, drain, buffer: fresh(), end: 0, isDirty: false }];
  }),
);
const dirty: App[] = [];
let ready: Part[] = [];
const sockets = new Set<Socket>();
let waiting = 0;
let inFlight = 0;
let isCommitting = false;
let fileAt = 0;

const fd = preparedFile(file);

function take(bytes: Buffer, start: number, end: number): void {
  let at = start;
  for (let spaces = 0; spaces < 3; at++) if (bytes[at] === space) spaces++;
  let nameEnd = at;
  while (bytes[nameEnd] !== space) nameEnd++;
  const app = apps.get(bytes.toString("latin1", at, nameEnd));
  if (app === undefined) return;
  if (app.end + end - start + 64 > app.buffer.length) rotate(app);
  if (!app.isDirty) dirty.push(app);
  app.isDirty = true;
  const length = end - start + app.token.length + 1;
  app.end += app.buffer.write(`${length} `, app.end, "latin1");
  app.end += bytes.copy(app.buffer, app.end, start, at);
  app.end += app.token.copy(app.buffer, app.end);
  app.buffer[app.end++] = space;
  app.end += bytes.copy(app.buffer, app.end, at, end);
  waiting += length;
}

function rotate(app: App): void {
  ready.push({ app, buffer: app.buffer, end: app.end });
  app.buffer = fresh();
  app.end = 0;
}

// One commit at a time; what comes meanwhile makes the next.
function commit(): void {
  if (isCommitting || (dirty.length === 0 && ready.length === 0)) return;
  isCommitting = true;
  for (const app of dirty.splice(0)) {
    app.isDirty = false;
    if (app.end > 0) rotate(app);
  }
  const parts = ready;
  ready = [];
  inFlight = waiting;
  waiting = 0;
  const bytes = parts.reduce((sum, { end }) => sum + end, 0);
  if (fileAt + bytes > segmentBytes) fileAt = 0;
  const views = parts.map(({ buffer, end }) => buffer.subarray(0, end));
  writev(fd, views, fileAt, (failure) => {
    if (failure) throw failure;
    fdatasync(fd, () => stored(parts));
  });
  fileAt += bytes;
}

function stored(parts: readonly Part[]): void {
  isCommitting = false;
  inFlight = 0;
  for (const { app, buffer, end } of parts)
    app.drain.write(buffer.subarray(0, end), () => void spare.push(buffer));
  for (const socket of sockets) if (socket.isPaused()) socket.resume();
  commit();
}

const server = createServer((socket) => {
  sockets.add(socket);
  let rest: Buffer | undefined;
  socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  socket.on("data", (data) => {
    const bytes = rest === undefined ? data : Buffer.concat([rest, data]);
    let at = 0;
    for (;;) {
      let length = 0;
      let head = at;
      while (head < bytes.length && bytes[head] !== space) length = length * 10 + bytes[head++]! - 0x30;
      if (head + 1 + length > bytes.length) break;
      take(bytes, head + 1, head + 1 + length);
      at = head + 1 + length;
    }
    rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
    if (waiting + inFlight > waitingBytesMax) socket.pause();
    if (!isCommitting) setImmediate(commit);
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
process.once("SIGTERM", () => {
  closeSync(fd);
  process.exit(0);
});
