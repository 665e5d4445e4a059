/** The address that clients reach this server at: in every URL handed out. */
import type { FastifyRequest } from "fastify";
import { requestRefused } from "../errors.ts";

/** Configured, without a slash at the end; undefined: as the request says. */
export type PublicUrl = string | undefined;

/** Without a slash at the end. A `Host` that is none makes the request unanswerable. */
export function publicUrlOf(request: FastifyRequest, configured: PublicUrl): string {
  if (configured !== undefined) return configured.replace(/\/+$/, "");
  const url = `${request.protocol}://${request.host}`;
  if (!/^[\w.:[\]-]+$/.test(request.host) || !URL.canParse(url)) {
    throw requestRefused(400, "its Host header is missing or no host");
  }
  return url;
}
