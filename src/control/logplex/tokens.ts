/** v3 tokens; listing and removing single ones are our own additions. */
import type { FastifyPluginAsync } from "fastify";
import { shortTokenOf } from "../../core/secrets/token-mask.ts";
import { notFound } from "../../errors/access.ts";
import type { TokenMarks, TokenRecord } from "../../registry/records.ts";
import { appOfTokens } from "../auth.ts";
import { arrayOf, bodyOf, flag, object, text } from "../schemas.ts";
import { allowOnly, call, callWith, type Payload } from "./calls.ts";
import { channelOf, type LogplexDeps } from "./channels.ts";

export type LogplexTokensDeps = LogplexDeps & {
  /** The base of URLs given to senders, without a trailing slash; undefined: senders use the address that they know. */
  readonly ingestUrl: string | undefined;
};

const tags = ["Logplex"];
const path = "/v3/channels/:channel/tokens";
const tokenReply = object(
  {
    token: text,
    name: text,
    syslog_tag: {
      ...text,
      description: "the token in its second spelling, for senders that allow 32 letters, digits and _",
    },
    keep_hostname: { ...flag, description: "the host that a syslog sender names stands before the process" },
    keep_source: { ...flag, description: "the sender's APPNAME or tag is the source" },
    url: {
      ...text,
      description: "where lines are sent with it; left out when the server was not told its address",
    },
  },
  { optional: ["url", "syslog_tag", "keep_hostname", "keep_source"] },
);

export const logplexTokens: FastifyPluginAsync<LogplexTokensDeps> = async (server, deps) => {
  const { apps, tokens, keys, addons, ingestUrl } = deps;
  const replyOf = ({ token, source, keepHostname, keepSource }: TokenRecord) => ({
    token,
    name: source,
    syslog_tag: shortTokenOf(token),
    ...(keepHostname && { keep_hostname: keepHostname }),
    ...(keepSource && { keep_source: keepSource }),
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
        body: bodyOf({ name: text, keep_hostname: flag, keep_source: flag }, ["name"]),
        response: { 200: tokenReply },
      },
    },
    callWith(keys, wantedIn, async (request, reply, principal, { name, marks }) => {
      const app = await appOfTokens(apps, principal, channelOf(request));
      return reply.send(replyOf(await tokens.create(app.id, name, marks)));
    }),
  );

  server.delete(
    `${path}/:token`,
    { schema: { tags, summary: "Revoke a token" } },
    call(keys, async (request, reply, principal) => {
      const app = await appOfTokens(apps, principal, channelOf(request));
      const { token } = request.params as { token: string };
      const found = await tokens.find(token);
      if (found?.channel !== app.id) throw notFound("token");
      await addons.refuseForeignToken(app.id, token);
      if (!(await tokens.revoke(token))) throw notFound("token");
      return reply.code(204).send();
    }),
  );
};

/** Undefined if the payload is not valid. */
function wantedIn({ name, keep_hostname: host = false, keep_source: source = false }: Payload) {
  if (typeof name !== "string" || name === "") return undefined;
  if (typeof host !== "boolean" || typeof source !== "boolean") return undefined;
  const marks: TokenMarks = { ...(host && { keepHostname: host }), ...(source && { keepSource: source }) };
  return { name, marks };
}

/** The form that log-shuttle and `LOGS_URL` expect. */
function sendingUrl(ingestUrl: string, token: string): string {
  const url = new URL(`${ingestUrl}/logs`);
  url.username = "token";
  url.password = token;
  return url.href;
}
