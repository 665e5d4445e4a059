/** Answers what never becomes a request: bytes that are not HTTP, endless headers, a request that does not arrive. */
import type { Socket } from "node:net";
import { requestRefused } from "../errors/api.ts";
import type { AppError } from "../errors/app-error.ts";
import { headersTooLarge, requestTimeout } from "../errors/http.ts";
import type { Connections } from "./connections.ts";
import { rawAnswer } from "./raw-answer.ts";

/** Answers unless another answer is under way, and closes. */
export const answerClientErrors =
  (connections: Connections) =>
  (error: Error & { readonly code?: string }, socket: Socket): void => {
    const connection = connections.of(socket); // none: it was refused, or is not TLS
    const isAnswering = connection?.current?.headersSent === true;
    if (error.code === "ECONNRESET" || !socket.writable || connection === undefined || isAnswering) {
      socket.destroy();
      return;
    }
    socket.end(rawAnswer(failureOf(error.code)), () => socket.destroy());
  };

function failureOf(code = ""): AppError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return requestTimeout();
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge();
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW")
    return requestRefused(413, "its chunks have too long extensions");
  return requestRefused(400, "it is no HTTP/1.1");
}
