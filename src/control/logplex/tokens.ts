/** v3 tokens; listing and removing single ones are ours. */
import type { FastifyPluginAsync } from "fastify";
import { notFound } from "../../errors/access.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { appOfTokens } from "../auth.ts";
import { arrayOf, bodyOf, object, text } from "../schemas.ts";
import { allowOnly, call, callWith } from "./calls.ts";
import { channelOf, type LogplexDeps } from "./channels.ts";

export type LogplexTokensDeps = LogplexDeps & {
  /**
   * The base of URLs handed to senders, without a slash at the end; undefined: senders use the address that they know.
   */
  readonly ingestUrl: string | undefined;
};

const tags = ["Logplex"];
const path = "/v3/channels/:channel/tokens";
const tokenReply = object(
  {
    token: text,
    name: text,
    url: {
      ...text,
      description: "where lines are sent with it; left out when the server was not told its address",
    },
  },
  { optional: ["url"] },
);

export const logplexTokens: FastifyPluginAsync<LogplexTokensDeps> = async (server, deps) => {
  const { apps, tokens, keys, ingestUrl } = deps;
  const replyOf = ({ token, source }: TokenRecord) => ({
    token,
    name: source,
    ...(ingestUrl !== undefined && { url: sendingUrl(ingestUrl, token) }),
  });

  allowOnly(server, path, ["GET", "POST"]);
  allowOnly(server, `${path}/:token`, ["DELETE"]);

  server.get(
    path,
    { schema: { tags, summary: "The tokens of a channel", response: { 200: arrayOf(tokenReply) } } },
    call(keys, async (request, reply, principal) => {
      const app = await appOfTokens(apps, principal, channelOf(request));
      return reply.send((await tokens.list(app.id)).map(replyOf));
    }),
  );

  server.post(
    path,
    {
      schema: {
        tags,
        summary: "Make a token: the right to write to the channel under a source name",
        body: bodyOf({ name: text }, ["name"]),
        response: { 200: tokenReply },
      },
    },
    callWith(
      keys,
      ({ name }) => (typeof name === "string" && name !== "" ? name : undefined),
      async (request, reply, principal, name) => {
        const app = await appOfTokens(apps, principal, channelOf(request));
        return reply.send(replyOf(await tokens.create(app.id, name)));
      },
    ),
  );

  server.delete(
    `${path}/:token`,
    { schema: { tags, summary: "Revoke a token" } },
    call(keys, async (request, reply, principal) => {
      const app = await appOfTokens(apps, principal, channelOf(request));
      const { token } = request.params as { token: string };
      const found = await tokens.find(token);
      if (found?.channel !== app.id || !(await tokens.revoke(token))) throw notFound("token");
      return reply.code(204).send();
    }),
  );
};

/** The form that log-shuttle and `LOGS_URL` take. */
function sendingUrl(ingestUrl: string, token: string): string {
  const url = new URL(`${ingestUrl}/logs`);
  url.username = "token";
  url.password = token;
  return url.href;
}
