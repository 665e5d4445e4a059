/** Destinations of drains that behave badly, each in its own way, and look at every byte that reaches them all the same. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import { readOtlp } from "../../support/otlp-receiver.ts";
import { serverTls } from "../../support/tls.ts";
import { Frames } from "./frames.ts";
import type { Witness } from "./sealed-lines.ts";

export type Mood = "fine" | "late" | "failing" | "resetting" | "stalling" | "early";
export type BodyForm = "logplex" | "json" | "otlp" | "gzip";

/** How a receiver behaves now: all are well in the end, so that what waits for them arrives. */
export type Weather = { mood: Mood };

export type Receiver = {
  readonly port: number;
  close(): void;
};

/** Pauses of a receiver, in ms. */
const lateMs = 60;
const stallMs = 120;

const listen = async (take: (socket: Socket) => void, isSecure: boolean): Promise<Receiver> => {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    take(socket);
  };
  const server: Server = isSecure ? createTlsServer(serverTls, accept) : createServer(accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
};

const tellOf = (witness: Witness) => (flaw: string) => {
  witness.flaw ??= `${witness.name}: ${flaw}`;
};

/** A syslog receiver. A bad one stops reading for a while, or resets in the middle. */
export function syslogReceiver(witness: Witness, weather: Weather, isSecure: boolean): Promise<Receiver> {
  let reads = 0;
  const order = weather.mood === "resetting" ? "any" : "repeats";
  return listen((socket) => {
    const frames = new Frames(witness.reading(order), tellOf(witness));
    socket.on("data", (chunk: Buffer) => {
      frames.push(chunk);
      reads++;
      const { mood } = weather;
      if (mood === "stalling" && reads % 7 === 0) pause(socket, stallMs);
      if (mood === "late" && reads % 2 === 0) pause(socket, 5);
      if (mood === "resetting" && reads % 23 === 0) reset(socket);
    });
  }, isSecure);
}

function pause(socket: Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms);
}

// What came and was not read makes a reset of the end, also of a TLS socket, which cannot be reset.
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

const answers = {
  fine: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  failing: "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
  later: "HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
} as const;

/** One request of a connection that is being read. */
type Request = {
  left: number;
  read: number;
  body: Buffer[];
  frames: Frames | undefined;
  isAnswered: boolean;
};

/** An HTTP receiver that reads its sockets itself, so that it can answer, stop and reset in the middle of a body. */
export function httpReceiver(
  witness: Witness,
  form: BodyForm,
  weather: Weather,
  isSecure: boolean,
): Promise<Receiver> {
  let requests = 0;
  return listen((socket) => {
    let head = "";
    let request: Request | undefined;
    const begin = (length: number): Request => {
      requests++;
      const frames = form === "logplex" ? new Frames(witness.reading(), tellOf(witness)) : undefined;
      const isAnswered = weather.mood === "early" && requests % 3 === 0;
      if (isAnswered) socket.write(answers.fine);
      if (isAnswered) pause(socket, stallMs);
      return { left: length, read: 0, body: [], frames, isAnswered };
    };
    const take = (bytes: Buffer): void => {
      if (request === undefined) {
        head += bytes.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end === -1) return;
        const length = Number(/^content-length: (\d+)/im.exec(head.slice(0, end))![1]);
        const rest = Buffer.from(head.slice(end + 4), "latin1");
        head = "";
        request = begin(length);
        if (rest.length > 0 || length === 0) take(rest);
        return;
      }
      const { mood } = weather;
      const part = bytes.subarray(0, request.left);
      request.left -= part.length;
      request.read += part.length;
      if (request.frames !== undefined) request.frames.push(part);
      else request.body.push(part);
      if (mood === "resetting" && requests % 4 === 0 && request.read > 10_000) {
        reset(socket);
        return;
      }
      if (mood === "stalling" && requests % 3 === 0) pause(socket, 10);
      if (request.left > 0) return;
      const whole = request;
      request = undefined;
      if (whole.frames === undefined) readBody(witness, form, Buffer.concat(whole.body));
      if (!whole.isAnswered) answer(socket, mood, requests);
      if (bytes.length > part.length) take(bytes.subarray(part.length));
    };
    socket.on("data", take);
  }, isSecure);
}

function answer(socket: Socket, mood: Mood, requests: number): void {
  if (mood === "failing" && requests % 3 === 1) socket.write(answers.failing);
  else if (mood === "failing" && requests % 3 === 2) socket.write(answers.later);
  else if (mood === "late") setTimeout(() => socket.write(answers.fine), lateMs);
  else socket.write(answers.fine);
}

function readBody(witness: Witness, form: BodyForm, body: Buffer): void {
  let line = witness.reading();
  try {
    if (form === "gzip") new Frames(line, tellOf(witness)).push(gunzipSync(body));
    else if (form === "json") {
      for (const text of body.toString().trimEnd().split("\n"))
        line((JSON.parse(text) as { message: string }).message);
    } else {
      // Each process has a part of its own.
      for (const { scopeLogs } of readOtlp(body).resourceLogs) {
        line = witness.reading();
        for (const { logRecords } of scopeLogs) for (const { body } of logRecords) line(body.stringValue!);
      }
    }
  } catch (error) {
    tellOf(witness)(`a body: ${(error as Error).message}`);
  }
}
