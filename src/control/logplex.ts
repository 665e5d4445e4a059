/** The v3 management API of logplex (docs/spec/apis.md#v1-1), over the same registry as the Platform API. */
import type { FastifyPluginAsync } from "fastify";
import type { BodyDeps } from "./bodies.ts";
import { answerAsLogplex } from "./logplex/calls.ts";
import { logplexChannels } from "./logplex/channels.ts";
import { logplexDrains } from "./logplex/drains.ts";
import { type LogplexLogsDeps, logplexLogs } from "./logplex/logs.ts";
import { type LogplexTokensDeps, logplexTokens } from "./logplex/tokens.ts";

export const logplexApi: FastifyPluginAsync<LogplexLogsDeps & LogplexTokensDeps & BodyDeps> = async (
  server,
  deps,
) => {
  answerAsLogplex(server, deps);
  await server.register(logplexChannels, deps);
  await server.register(logplexTokens, deps);
  await server.register(logplexDrains, deps);
  await server.register(logplexLogs, deps);
};
