/** Every kind of sink keeps the contract. */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { sinkOf } from "../drains/sinks/parts.ts";
import { messagesOf } from "../support/peer.ts";
import { SyslogReader } from "../support/syslog-receiver.ts";
import { ca, serverTls } from "../support/tls.ts";
import { type SinkKind, sinkContract } from "./sink.ts";

type Read = (body: Buffer) => readonly string[];

/** An HTTP receiver for one connection at a time, whoever listened. */
function receiveHttp(read: Read): SinkKind["receive"] {
  return (socket, take) => {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      for (const message of read(Buffer.concat(chunks))) take(message);
      response.end();
    });
    server.emit("connection", socket);
  };
}

const receiveSyslog: SinkKind["receive"] = (socket: Socket, take) => {
  const reader = new SyslogReader();
  socket.on("data", (chunk: Buffer) => {
    const before = reader.frames.length;
    reader.push(chunk);
    for (const { message } of reader.frames.slice(before)) take(message.trimEnd());
  });
};

const ndjsonMessages: Read = (body) =>
  body
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).message);

type JsonLogs = { resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[] };
const otlpMessages: Read = (body) =>
  (JSON.parse(body.toString()) as JsonLogs).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) => logRecords.map((record) => record.body.stringValue)),
  );

sinkContract("http", {
  open: (port, options) => sinkOf(`http://localhost:${port}/`, {}, options),
  receive: receiveHttp(messagesOf),
  peer: {},
  answers: true,
});
sinkContract("https, ndjson, signed", {
  open: (port, options) =>
    sinkOf(`https://localhost:${port}/`, { ca, format: "ndjson", secret: "s" }, options),
  receive: receiveHttp(ndjsonMessages),
  peer: { tls: serverTls },
  answers: true,
});
sinkContract("otlp", {
  open: (port, options) => sinkOf(`http://localhost:${port}/`, { format: "otlp-json" }, options),
  receive: receiveHttp(otlpMessages),
  peer: {},
  answers: true,
});
sinkContract("redacted", {
  open: (port, options) => sinkOf(`http://localhost:${port}/`, { redact: { detectors: ["email"] } }, options),
  receive: receiveHttp(messagesOf),
  peer: {},
  answers: true,
});
sinkContract("syslog", {
  open: (port, options) => sinkOf(`syslog://localhost:${port}`, {}, options),
  receive: receiveSyslog,
  peer: {},
  answers: false,
});
sinkContract("syslog+tls", {
  open: (port, options) => sinkOf(`syslog+tls://localhost:${port}`, { ca }, options),
  receive: receiveSyslog,
  peer: { tls: serverTls },
  answers: false,
});
