/**
 * The operator's own address (`--admin`), for things that strangers at the public address should neither see nor use
 * up. It needs no key: whoever can reach it can read it. It has its own connections, so that it answers regardless of
 * what happens at the public address.
 */
import type { Logger } from "pino";
import { type DocsOptions, docsPages } from "../control/docs-pages.ts";
import { type HealthOptions, healthApi } from "../control/health.ts";
import { Connections } from "../http/connections.ts";
import { closeServer, httpServer } from "../http/http-server.ts";
import { adminLimits, closeMsMax } from "../limits.ts";
import { listenFailure } from "../sockets/listen-failure.ts";

type AdminOptions = Pick<HealthOptions, "readiness"> &
  DocsOptions & {
    readonly logger: Logger;
    /** Shown at `/settings`. */
    readonly settings: readonly object[];
  };

export async function openAdminServer(
  at: { readonly host: string; readonly port: number },
  { logger, readiness, described, settings }: AdminOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const connections = new Connections(adminLimits);
  const server = await httpServer({ logger, connections, limits: adminLimits });
  await server.register(healthApi, { readiness });
  await server.register(docsPages, { described });
  server.get("/settings", async () => settings);
  const url = await server.listen(at).catch((cause: unknown) => {
    throw listenFailure("--admin", at, cause);
  });
  return { url, close: () => closeServer(server, connections, closeMsMax) };
}
