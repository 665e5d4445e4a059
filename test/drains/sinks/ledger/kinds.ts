/** Every kind of destination, and a receiver of it that does to what arrives whatever a seeded world says. */
import type { Socket } from "node:net";
import type { DrainRecord } from "../../../../src/registry/records.ts";
import { otlpAnswer, readOtlp } from "../../../support/otlp-receiver.ts";
import { messagesOf } from "../../../support/peer.ts";
import { SyslogReader } from "../../../support/syslog-receiver.ts";
import { ca, serverTls } from "../../../support/tls.ts";

/** What is to happen to the next thing that arrives. */
export type Fate = "take" | "reset" | "end" | "error" | "too large" | "take and reset" | "bad" | "partial";

export type World = {
  fate(): Fate;
  take(texts: readonly string[]): void;
};

export type Kind = {
  readonly scheme: string;
  readonly rest: Partial<DrainRecord>;
  readonly tls?: typeof serverTls;
  /** The protocol has no answers, so the receiver has what counts as delivered. */
  readonly isSyslog?: true;
  speak(socket: Socket, reset: () => void, world: World): void;
};

function speakHttp(read: (body: Buffer) => readonly string[], partial?: (rejected: number) => Buffer) {
  return (socket: Socket, reset: () => void, world: World): void => {
    let held = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const headEnd = held.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const length = Number(/^content-length: (\d+)/im.exec(held.toString("latin1", 0, headEnd))![1]);
      if (held.length < headEnd + 4 + length) return;
      const texts = read(held.subarray(headEnd + 4, headEnd + 4 + length));
      held = Buffer.alloc(0);
      const fate = world.fate();
      if (fate === "partial" && partial !== undefined) {
        const rejected = Math.ceil(texts.length / 2);
        world.take(texts.slice(rejected));
        const body = partial(rejected);
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        socket.write(body);
        return;
      }
      const isTaken = fate === "take" || fate === "take and reset" || fate === "partial";
      if (isTaken) world.take(texts);
      const status = { take: 204, partial: 204, error: 503, "too large": 413, bad: 400 }[fate as string];
      if (status !== undefined) socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
      else if (fate === "end") socket.end();
      else reset();
    });
  };
}

function speakSyslog(socket: Socket, reset: () => void, world: World): void {
  const reader = new SyslogReader();
  let isEnded = false; // who ends in order reads what was on its way
  let isGone = false;
  socket.on("data", (chunk: Buffer) => {
    const fate = isEnded ? "take" : world.fate();
    if (fate === "reset") {
      isGone = true; // crashed: nothing from this chunk on was read
      reset();
    }
    if (isGone) return;
    reader.push(chunk);
    world.take(reader.frames.splice(0).map(({ message }) => message.trimEnd()));
    if (fate === "take and reset") {
      isGone = true;
      reset();
    } else if (fate === "end") {
      isEnded = true;
      setImmediate(() => socket.end()); // at once, over TLS, Node would drop what it has decrypted already
    }
  });
}

const otlpTexts = (body: Buffer) =>
  readOtlp(body).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body: value }) => value.stringValue!)),
  );

const objectsOf = (body: Buffer) =>
  body
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);

const json = <T>(body: Buffer): T => JSON.parse(body.toString()) as T;
type Message = { readonly message: string };

const http = (format: string, read: (body: Buffer) => readonly string[]): Kind => ({
  scheme: "http",
  rest: { format: format as NonNullable<DrainRecord["format"]> },
  speak: speakHttp(read),
});

export const kinds: Readonly<Record<string, Kind>> = {
  https: { scheme: "https", rest: { ca }, tls: serverTls, speak: speakHttp(messagesOf) },
  rfc5424: http("rfc5424", (body) => {
    const reader = new SyslogReader();
    reader.push(body);
    return reader.frames.map(({ message }) => message.trimEnd());
  }),
  ndjson: http("ndjson", (body) => objectsOf(body).map(({ message }) => message!)),
  otlp: {
    scheme: "http",
    rest: { format: "otlp" },
    speak: speakHttp(otlpTexts, (rejected) => otlpAnswer(rejected, "too long")),
  },
  "otlp-json": http("otlp-json", (body) =>
    json<ReturnType<typeof readOtlp>>(body).resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body: value }) => value.stringValue!)),
    ),
  ),
  loki: http("loki", (body) =>
    json<{ streams: { values: string[][] }[] }>(body).streams.flatMap(({ values }) =>
      values.map(([, text]) => text!),
    ),
  ),
  datadog: http("datadog", (body) => json<Message[]>(body).map(({ message }) => message)),
  newrelic: http("newrelic", (body) =>
    json<{ logs: Message[] }[]>(body).flatMap(({ logs }) => logs.map(({ message }) => message)),
  ),
  splunk: http("splunk", (body) => objectsOf(body).map(({ event }) => event!)),
  betterstack: http("betterstack", (body) => objectsOf(body).map(({ message }) => message!)),
  syslog: { scheme: "syslog", rest: {}, isSyslog: true, speak: speakSyslog },
  "syslog+tls": { scheme: "syslog+tls", rest: { ca }, tls: serverTls, isSyslog: true, speak: speakSyslog },
};
