/** The address at which clients reach this server: the base of every URL that is given out. */
import type { FastifyRequest } from "fastify";
import { requestRefused } from "../errors/api.ts";

/** As configured, without a trailing slash; undefined: the request's `Host`. */
export type PublicUrl = string | undefined;

/** The base without a trailing slash. A request with an invalid `Host` cannot be answered. */
export function publicUrlOf(request: FastifyRequest, configured: PublicUrl): string {
  if (configured !== undefined) return configured.replace(/\/+$/, "");
  const url = `${request.protocol}://${request.host}`;
  if (!/^[\w.:[\]-]+$/.test(request.host) || !URL.canParse(url)) {
    throw requestRefused(400, "its Host header is missing or no host");
  }
  return url;
}
