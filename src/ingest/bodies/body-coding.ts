/** How the bytes of a body are packed, by its `Content-Encoding`. */
import type { IncomingMessage } from "node:http";
import { hasZstd } from "../../errors/ingest.ts";

/** The coding of a body, or undefined if it is not supported. */
export function codingOf(request: IncomingMessage): "identity" | "gzip" | "zstd" | undefined {
  switch (request.headers["content-encoding"]?.trim().toLowerCase()) {
    case undefined:
    case "":
    case "identity":
      return "identity";
    case "gzip":
    case "x-gzip":
      return "gzip";
    case "zstd":
      return hasZstd ? "zstd" : undefined;
    default:
      return undefined;
  }
}
