/** The address that clients reach this server at: the base of every URL handed out. */
import type { FastifyRequest } from "fastify";
import { requestRefused } from "../errors/api.ts";

/** As configured, without a slash at the end; undefined: the request says it. */
export type PublicUrl = string | undefined;

/** The base without a slash at the end. A request whose `Host` is no host cannot be answered. */
export function publicUrlOf(request: FastifyRequest, configured: PublicUrl): string {
  if (configured !== undefined) return configured.replace(/\/+$/, "");
  const url = `${request.protocol}://${request.host}`;
  if (!/^[\w.:[\]-]+$/.test(request.host) || !URL.canParse(url)) {
    throw requestRefused(400, "its Host header is missing or no host");
  }
  return url;
}
