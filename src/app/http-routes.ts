/**
 * All HTTP routes, and the role that serves each. Every node knows all routes; for those of roles that it does not
 * have, it answers which role they belong to.
 */
import type { FastifyInstance } from "fastify";
import { type EchoOptions, echoHttp } from "../canary/echo-http.ts";
import { type ControlDeps, controlApi } from "../control/api.ts";
import { refuseForeignHost } from "../control/browser.ts";
import { ofRole } from "../control/other-roles.ts";
import type { BareRoutes } from "../http/bare-routes.ts";
import { type IngestHttpOptions, ingestHttp } from "../ingest/http/http.ts";
import { type SendersHttpOptions, sendersHttp } from "../ingest/http/senders-http.ts";
import { otlpHttp } from "../ingest/otlp/otlp-http.ts";
import { type SessionStreamsOptions, sessionStreams } from "../tail/http.ts";
import { webPages } from "../web/pages.ts";

/** The parts that the routes of each role need. */
export type RouteParts = {
  readonly ingest: IngestHttpOptions & SendersHttpOptions;
  /** The routes that bypass the framework; those of this node's roles are added to them. */
  readonly bare?: BareRoutes;
  readonly tail: SessionStreamsOptions;
  readonly control: ControlDeps;
  /** Absent if this node has no canary. */
  readonly canary?: EchoOptions | undefined;
};

/** Registers the routes of a node with these roles. */
export async function registerRoutes(
  server: FastifyInstance,
  roles: readonly string[],
  { ingest, bare, tail, control, canary }: RouteParts,
): Promise<void> {
  const ofThisNode = roles.includes("ingest") ? bare : undefined;
  await server.register(ofRole("ingest", roles, ingestHttp), { ...ingest, bare: ofThisNode });
  await server.register(ofRole("ingest", roles, otlpHttp), ingest);
  const tellsSenders = roles.includes("ingest") ? "ingest" : "control";
  await server.register(ofRole(tellsSenders, roles, sendersHttp), ingest);
  await server.register(ofRole("tail", roles, sessionStreams), tail);
  await server.register(ofRole("control", roles, controlApi), control);
  if (canary !== undefined) await server.register(echoHttp, canary);
  await server.register(ofRole("control", roles, webPages), {
    refuseForeignHost: (request) => refuseForeignHost(request, control.publicUrl),
  });
}
