/** Answers what never becomes a request: bytes that are not HTTP, endless headers, a request that does not arrive. */
import type { Socket } from "node:net";
import { requestRefused } from "../errors/api.ts";
import type { AppError } from "../errors/app-error.ts";
import { headersTooLarge, requestTimeout } from "../errors/http.ts";
import type { Connections } from "./connections.ts";
import { rawAnswer } from "./raw-answer.ts";

/** Protocols of clients that have come to the wrong port. */
type ForeignToHttp = "http2" | "syslog_to_http";

/** Told of each client of another protocol. */
export type OnForeign = (address: string | undefined, protocol: ForeignToHttp) => void;

type ClientError = Error & { readonly code?: string; readonly rawPacket?: unknown };

/** Answers unless another answer is under way, and closes. */
export const answerClientErrors =
  (connections: Connections, onForeign?: OnForeign) =>
  (error: ClientError, socket: Socket): void => {
    const foreign = foreignTo(error);
    if (foreign !== undefined) onForeign?.(socket.remoteAddress, foreign);
    const connection = connections.of(socket); // none: it was refused, or is not TLS
    const isAnswering = connection?.current?.headersSent === true;
    if (error.code === "ECONNRESET" || !socket.writable || connection === undefined || isAnswering) {
      socket.destroy();
      return;
    }
    socket.end(rawAnswer(failureOf(error.code, foreign)), () => socket.destroy());
  };

const packetBytesMax = 32;
const syslogForm = /^(?:\d{1,7} )?<\d{1,3}>/;

function foreignTo({ code, rawPacket }: ClientError): ForeignToHttp | undefined {
  if (code === "HPE_PAUSED_H2_UPGRADE") return "http2";
  const begin = Buffer.isBuffer(rawPacket) ? rawPacket.toString("latin1", 0, packetBytesMax) : "";
  return syslogForm.test(begin) ? "syslog_to_http" : undefined;
}

function failureOf(code = "", foreign?: ForeignToHttp): AppError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return requestTimeout();
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge();
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW")
    return requestRefused(413, "its chunks have too long extensions");
  if (foreign === "http2")
    return requestRefused(400, "it is HTTP/2, as gRPC's is, and this address speaks HTTP/1.1");
  if (foreign === "syslog_to_http")
    return requestRefused(400, "it is syslog, which goes to the address of --syslog");
  return requestRefused(400, "it is no HTTP/1.1");
}
