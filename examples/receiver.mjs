// A receiver for log drains of any format, to see what one is sent: node examples/receiver.mjs [PORT [HOST]]
// It speaks HTTP and syslog over TCP at the same port, and prints one line for each that it gets. Any 2xx answer takes
// all of a request.
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";

const port = Number(process.argv[2] ?? 8700);
const host = process.argv[3] ?? "127.0.0.1";

const http = createHttpServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = Buffer.concat(chunks);
  try {
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    for (const line of linesIn(body, request.headers["content-type"] ?? "")) console.log(line);
    response.writeHead(204).end();
  } catch (error) {
    console.error(`cannot read this ${request.headers["content-type"]}: ${error.message}`);
    response.writeHead(400).end(error.message);
  }
});

// A syslog frame begins with its length, an HTTP request with a letter.
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("readable", () => {
    const first = socket.read(1);
    if (first === null) return;
    socket.unshift(first);
    if (/\d/.test(first.toString())) printFrames(socket);
    else http.emit("connection", socket);
  });
});
server.on("error", ({ code }) => {
  console.error(
    `cannot listen on ${host}:${port} (${code}): give another port, as in "node examples/receiver.mjs 8710"`,
  );
  process.exitCode = 1;
});
server.listen(port, host, () => {
  const { port } = server.address();
  console.log(`receives on http://${host}:${port}`);
  console.log(`and on syslog://${host}:${port}`);
});

async function printFrames(socket) {
  let held = Buffer.alloc(0);
  for await (const chunk of socket) {
    const { texts, rest } = framesIn(Buffer.concat([held, chunk]));
    for (const text of texts) console.log(text.trimEnd());
    held = rest;
  }
}

function linesIn(body, type) {
  if (type.startsWith("application/logplex-1")) return framesIn(body).texts.map((text) => text.trimEnd());
  if (type.includes("protobuf")) return otlpLines(body);
  const lines = type.includes("ndjson") || !isJson(body) ? body.toString().trimEnd().split("\n") : [body];
  return lines.flatMap((json) => eventsIn(JSON.parse(json))).map((event) => JSON.stringify(event));
}

// "LENGTH FRAME" back to back: of logplex, of rfc5424 and of syslog. The end of the last one may be still to come.
function framesIn(body) {
  const texts = [];
  for (let at = 0; ; ) {
    const space = body.indexOf(" ", at);
    const end = space + 1 + Number(body.toString("latin1", at, space));
    if (space === -1 || !(end <= body.length)) return { texts, rest: body.subarray(at) };
    texts.push(body.toString("utf8", space + 1, end));
    at = end;
  }
}

// What has a line in it: of ndjson, betterstack and splunk the object itself; the others put lists around it.
function eventsIn(json) {
  if (json.streams)
    return json.streams.flatMap(({ stream, values }) =>
      values.map(([time, line, more]) => ({ time, ...stream, ...more, line })),
    ); // loki
  if (json.resourceLogs)
    return json.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)); // otlp-json
  if (Array.isArray(json)) return json.flatMap((item) => item.logs ?? [item]); // newrelic, datadog
  return [json];
}

// One value, and not several one after another (splunk).
function isJson(body) {
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}

// An ExportLogsServiceRequest in protobuf: resource logs (1) of scope logs (2) of records (2), whose text is field 5.
function otlpLines(body) {
  const lines = [];
  for (const resourceLogs of fieldsIn(body, 1))
    for (const scopeLogs of fieldsIn(resourceLogs, 2))
      for (const record of fieldsIn(scopeLogs, 2)) {
        const [nanos] = fieldsIn(record, 1);
        const [severity] = fieldsIn(record, 3);
        const [text = ""] = fieldsIn(record, 5).flatMap((value) => fieldsIn(value, 1));
        const time = nanos && new Date(Number(nanos.readBigUInt64LE() / 1_000_000n)).toISOString();
        lines.push(JSON.stringify({ time, severity: String(severity ?? ""), text: String(text) }));
      }
  return lines;
}

// The values of one field, each as its bytes.
function fieldsIn(message, wanted) {
  const values = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 0x7f) * scale;
      if (!(byte >= 0x80)) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    let length = kind === 1 ? 8 : 4;
    if (kind === 2) length = varint();
    const from = at;
    if (kind === 0) varint();
    else at += length;
    if (tag >> 3 === wanted) values.push(message.subarray(from, at));
  }
  return values;
}
