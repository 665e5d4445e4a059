import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { type AppError, bodyTimeout, bodyTooLarge, overloaded, unreadableBody } from "../errors.ts";
import type { Hold } from "./pending.ts";

/**
 * Reads a body whole, inflated where Content-Encoding says gzip, within every bound: bytes, time, and the memory
 * that `hold` has room for. Rejects with the error to answer; what still comes in is then read and dropped.
 */
export function readBody(
  request: IncomingMessage,
  hold: Hold,
  { bodyBytesMax, bodyTimeoutMs }: { readonly bodyBytesMax: number; readonly bodyTimeoutMs: number },
): Promise<Buffer> {
  const declaredBytes = Number(request.headers["content-length"] ?? 0);
  if (declaredBytes > bodyBytesMax) {
    request.resume();
    return Promise.reject(bodyTooLarge(bodyBytesMax));
  }
  return new Promise((resolve, reject) => {
    const gunzip = request.headers["content-encoding"] === "gzip" ? createGunzip() : undefined;
    const body = gunzip ?? request;
    let bytes: Buffer = Buffer.alloc(0);
    let length = 0;
    const timer = setTimeout(() => refuse(bodyTimeout()), bodyTimeoutMs);

    const stop = () => {
      clearTimeout(timer);
      body.off("data", onData).off("end", onEnd);
      request.off("close", onClose);
    };
    const refuse = (error: AppError) => {
      stop();
      if (gunzip !== undefined) request.unpipe(gunzip);
      gunzip?.destroy();
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      if (length + chunk.length > bodyBytesMax) return refuse(bodyTooLarge(bodyBytesMax));
      if (!hold.take(chunk.length)) return refuse(overloaded());
      // Most bodies are one chunk and are not copied. A list of chunks would cost far more than tiny chunks hold.
      if (length === 0) bytes = chunk;
      else {
        if (length + chunk.length > bytes.length) {
          const larger = Buffer.allocUnsafe(Math.max(declaredBytes, 2 * (length + chunk.length)));
          bytes.copy(larger, 0, 0, length);
          bytes = larger;
        }
        chunk.copy(bytes, length);
      }
      length += chunk.length;
    };
    const onEnd = () => {
      stop();
      resolve(bytes.subarray(0, length));
    };
    const onUnreadable = () => refuse(unreadableBody());
    const onClose = () => {
      if (!request.complete) onUnreadable(); // gone before the end; gzip may still be at work on a complete one
    };

    // These stay: an error without a listener would end the process.
    request.on("error", onUnreadable);
    gunzip?.on("error", onUnreadable);
    request.on("close", onClose);
    body.on("data", onData).on("end", onEnd);
    if (gunzip !== undefined) request.pipe(gunzip);
  });
}
