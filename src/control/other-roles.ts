/** The routes of roles that a node has not: each answers that it is another node's, and which. */
import type { FastifyPluginAsync, FastifyPluginOptions } from "fastify";
import { roleElsewhere } from "../errors.ts";

/**
 * `plugin`, whose routes are those of `role`. On a node that has not this role they take nothing: they are known only
 * to say where a request belongs, before anything else of it is looked at, and the node's `/docs` leave them out.
 */
export const ofRole =
  <Options extends FastifyPluginOptions>(
    role: string,
    roles: readonly string[],
    plugin: FastifyPluginAsync<Options>,
  ): FastifyPluginAsync<Options> =>
  async (server, options) => {
    if (!roles.includes(role)) {
      server.addHook("onRoute", (route) => {
        route.schema = { ...route.schema, hide: true };
      });
      // The route as it is declared: a path may hold a secret.
      server.addHook("onRequest", async ({ routeOptions }) => {
        throw roleElsewhere(routeOptions.url ?? "this path", role, roles);
      });
    }
    await server.register(plugin, options);
  };
