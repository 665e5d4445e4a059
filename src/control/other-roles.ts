/** Routes of roles that this node does not have: each answers with the role that it belongs to. */
import type { FastifyPluginAsync, FastifyPluginOptions } from "fastify";
import { roleElsewhere } from "../errors/access.ts";

/**
 * Wraps `plugin`, which has the routes of `role`. On a node without this role, they only say where a request belongs,
 * before anything else in it is looked at, and the node's `/docs` leave them out.
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
      // Names the route as declared, because the path itself may hold a secret.
      server.addHook("onRequest", async ({ routeOptions }) => {
        throw roleElsewhere(routeOptions.url ?? "this path", role, roles);
      });
    }
    await server.register(plugin, options);
  };
