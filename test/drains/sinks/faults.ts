/** Everything that a destination can do wrong, and what has to come of it. */
import type { Socket } from "node:net";
import type { TLSSocket, TlsOptions } from "node:tls";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { onRequests, said } from "../../support/raw-http.ts";
import type { HandleConnection } from "../../support/raw-peer.ts";
import { ca, expiredTls, selfSignedTls, serverTls, wrongNameTls } from "../../support/tls.ts";

export type Kind = "https" | "otlp" | "syslog";
export type Fault = {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** The peer; "refuses" has none, "black hole" lets no connection come about, "silent name servers" no address. */
  readonly peer: HandleConnection | "refuses" | "black hole" | "silent name servers";
  readonly tls?: TlsOptions;
  /** The verdict of the first attempt. */
  readonly verdict: "delivered" | "retry" | "split" | "refused";
  /** The attempt ends with its time. */
  readonly waits?: true;
  /** It stood, and a smaller parcel may do. */
  readonly slow?: true;
  /** What the drain shows of itself. */
  readonly drain?: Pick<DrainRecord, "cert" | "key">;
  /** Bytes of each of the two lines, for faults that need a body to be in the middle of. */
  readonly lineBytes?: number;
};

const http = ["https", "otlp"] as const;
const all = ["https", "otlp", "syslog"] as const;

const answering =
  (text: string, then: (socket: Socket, reset: () => void) => void = () => {}): HandleConnection =>
  (socket, _index, reset) =>
    onRequests(socket, () => {
      socket.write(text);
      then(socket, reset);
    });

const status = (code: number, verdict: Fault["verdict"], body = "", headers = ""): Fault => ({
  name: String(code),
  kinds: http,
  peer: answering(said(code, code === 204 || code === 304 ? "" : body, headers)),
  verdict,
});

/** A receiver that nobody renewed for long. */
export const oldTls: TlsOptions = {
  ...serverTls,
  minVersion: "TLSv1.1",
  maxVersion: "TLSv1.1",
  ciphers: "DEFAULT@SECLEVEL=0",
};

const soon = 30;
/** More than the kernels of both sides hold between them. */
const largeBytes = 6 << 20;

export const faults: readonly Fault[] = [
  { name: "refuses connections", kinds: all, peer: "refuses", verdict: "retry" },
  {
    name: "its name is not looked up in time",
    kinds: all,
    peer: "silent name servers",
    verdict: "retry",
    waits: true,
  },
  {
    name: "black hole: no connection comes about",
    kinds: all,
    peer: "black hole",
    verdict: "retry",
    waits: true,
  },
  {
    name: "accepts, and answers nothing",
    kinds: http,
    peer: (socket) => socket.resume(),
    verdict: "retry",
    waits: true,
    slow: true,
  },
  {
    name: "accepts, and answers nothing",
    kinds: ["syslog"],
    peer: (socket) => socket.resume(),
    verdict: "delivered",
  },
  {
    name: "accepts, and reads nothing",
    kinds: all,
    peer: (socket) => socket.pause(),
    verdict: "retry",
    waits: true,
    slow: true,
    lineBytes: largeBytes,
  },
  { name: "resets at once", kinds: all, peer: (_socket, _index, reset) => reset(), verdict: "retry" },
  { name: "closes at once", kinds: all, peer: (socket) => socket.destroy(), verdict: "retry" },
  {
    name: "resets while it is sent to",
    kinds: all,
    peer: (socket, _index, reset) => socket.once("data", reset),
    verdict: "retry",
    lineBytes: largeBytes,
  },
  {
    name: "closes while it is sent to",
    kinds: all,
    peer: (socket) => socket.once("data", () => socket.destroy()),
    verdict: "retry",
    lineBytes: largeBytes,
  },
  {
    name: "reads all, then ends the connection",
    kinds: ["syslog"],
    peer: (socket) => socket.once("data", () => socket.end()),
    verdict: "delivered",
  },
  {
    name: "resets in the status line of its answer",
    kinds: http,
    peer: answering("HTTP/1.1 20", (_socket, reset) => setTimeout(reset, 5)),
    verdict: "retry",
  },
  {
    name: "resets in the headers of its answer (200)",
    kinds: http,
    peer: answering("HTTP/1.1 200 OK\r\nContent-Le", (_socket, reset) => setTimeout(reset, 20)),
    verdict: "delivered",
  },
  {
    name: "a malformed head of its answer (200)",
    kinds: http,
    peer: answering("HTTP/1.1 200 OK\nContent-Length : two\nContent-Length: 2\n\nok"),
    verdict: "delivered",
  },
  {
    name: "interim answers without end",
    kinds: http,
    peer: answering("HTTP/1.1 102 Processing\r\n\r\n".repeat(11)),
    verdict: "retry",
  },
  {
    name: "resets in the body of its answer (200)",
    kinds: http,
    peer: answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", (_socket, reset) =>
      setTimeout(reset, 20),
    ),
    verdict: "delivered",
  },
  {
    name: "answers late",
    kinds: http,
    peer: (socket) => onRequests(socket, () => setTimeout(() => socket.write(said(200)), soon)),
    verdict: "delivered",
  },
  { name: "reads slowly", kinds: all, peer: readsSlowly(1), verdict: "delivered", lineBytes: 1 << 20 },
  {
    name: "reads too slowly for the parcel",
    kinds: all,
    peer: readsSlowly(200),
    verdict: "retry",
    waits: true,
    slow: true,
    lineBytes: largeBytes,
  },
  {
    name: "certificate for another name",
    kinds: all,
    peer: (socket) => socket.resume(),
    tls: wrongNameTls,
    verdict: "retry",
  },
  {
    name: "certificate expired",
    kinds: all,
    peer: (socket) => socket.resume(),
    tls: expiredTls,
    verdict: "retry",
  },
  {
    name: "certificate self-signed",
    kinds: all,
    peer: (socket) => socket.resume(),
    tls: selfSignedTls,
    verdict: "retry",
  },
  ...(["TLSv1.2", "TLSv1.3"] as const).flatMap((version): Fault[] => {
    const asking = { ...serverTls, ca, requestCert: true, minVersion: version, maxVersion: version };
    const words = version.replace("v", " ");
    return [
      {
        name: `asks for a client certificate that is missing (${words})`,
        kinds: all,
        peer: answering(said(200)),
        tls: asking,
        verdict: "retry",
      },
      {
        name: `asks for a client certificate, gets one of a wrong authority, and resets (${words})`,
        kinds: all,
        peer: (socket, _index, reset) => (socket as TLSSocket).authorized || reset(),
        tls: { ...asking, rejectUnauthorized: false },
        drain: selfSignedTls,
        verdict: "retry",
      },
    ];
  }),
  {
    name: "TLS 1.1 alone",
    kinds: all,
    peer: answering(said(200)),
    tls: oldTls,
    verdict: "retry",
  },
  {
    name: "plain where TLS is expected",
    kinds: all,
    peer: (socket) => socket.once("data", () => socket.end(said(400))),
    tls: {},
    verdict: "retry",
  },
  {
    name: "100, then 200",
    kinds: http,
    peer: answering(`HTTP/1.1 100 Continue\r\n\r\n${said(200)}`),
    verdict: "delivered",
  },
  {
    name: "103, then nothing",
    kinds: http,
    peer: answering("HTTP/1.1 103 Early Hints\r\n\r\n"),
    verdict: "retry",
    waits: true,
    slow: true,
  },
  {
    name: "101",
    kinds: http,
    peer: answering("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    verdict: "retry",
  },
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 299].map((code) => status(code, "delivered", "ok")),
  ...[300, 301, 302, 303, 304, 307, 308].map((code) => status(code, "retry", "", "Location: /elsewhere\r\n")),
  status(400, "refused", "bad frame"),
  ...[401, 403, 404, 405, 408, 409, 410].map((code) => status(code, "retry", "no")),
  status(413, "split", "too large"),
  status(415, "refused"),
  status(418, "retry"),
  status(422, "refused", '{"error":"no"}'),
  { ...status(429, "retry", "", "Retry-After: 7\r\n"), name: "429 with `Retry-After: 7`" },
  {
    ...status(429, "retry", "", "Retry-After: DATE\r\n"),
    name: "429 with a date in `Retry-After`, 90 s ahead",
  },
  { ...status(429, "retry", "", "Retry-After: 86400\r\n"), name: "429 with `Retry-After` of a day" },
  ...[500, 501, 502, 503, 504, 507].map((code) => status(code, "retry", "later")),
  ...[502, 503, 504].map((code) => ({
    ...status(code, "retry", "", "Retry-After: 3\r\n"),
    name: `${code} with \`Retry-After: 3\``,
  })),
  {
    name: "a huge body of its answer (200)",
    kinds: http,
    peer: answering(said(200, "x".repeat(4 << 20))),
    verdict: "delivered",
  },
  {
    name: "an endless body of its answer (500)",
    kinds: http,
    peer: answering("HTTP/1.1 500 No\r\n\r\nwhy ", endlessly),
    verdict: "retry",
  },
  {
    name: "200 before the body is read",
    kinds: http,
    peer: (socket) => socket.once("data", () => socket.pause().write(said(200))),
    verdict: "delivered",
    lineBytes: largeBytes,
  },
  {
    name: "413 before the body is read",
    kinds: http,
    peer: (socket) => socket.once("data", () => socket.pause().write(said(413))),
    verdict: "split",
    lineBytes: largeBytes,
  },
  {
    name: "HTTP/1.0, then close",
    kinds: http,
    peer: answering("HTTP/1.0 200 OK\r\n\r\nok", (socket) => socket.end()),
    verdict: "delivered",
  },
  {
    name: "something that is no HTTP",
    kinds: http,
    peer: answering("220 smtp.example ESMTP\r\n"),
    verdict: "retry",
  },
  {
    name: "something that is no HTTP",
    kinds: ["syslog"],
    peer: (socket) => socket.resume().write("220 hello\r\n"),
    verdict: "delivered",
  },
  {
    name: "talks without end",
    kinds: ["syslog"],
    peer: (socket) => {
      socket.resume();
      endlessly(socket);
    },
    verdict: "retry",
  },
];

export const peerTls = (fault: Fault): TlsOptions | undefined =>
  fault.tls === undefined ? undefined : "cert" in fault.tls ? { ...serverTls, ...fault.tls } : undefined;

// A little every so many milliseconds, and an answer for whoever speaks HTTP.
function readsSlowly(everyMs: number): HandleConnection {
  return (socket) => {
    onRequests(socket, () => socket.write(said(200)));
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => socket.resume(), everyMs);
    });
  };
}

function endlessly(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write("x".repeat(1024)));
    socket.once("drain", more);
  };
  more();
}
