/** v3 channels. A channel is an app; `PUT` of a channel that does not exist makes an app with that name. */
import type { FastifyPluginAsync } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import { sourceInvalid, tokenLimit } from "../../errors/api.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Drains } from "../../registry/drains.ts";
import type { Keys } from "../../registry/keys.ts";
import type { Principal } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { isSource, type Tokens, tokensMax } from "../../registry/tokens.ts";
import { appOfTokens, appToManage } from "../auth.ts";
import { arrayOf, bodyOf, count, object, text } from "../schemas.ts";
import { allowOnly, call, callWith, type Payload } from "./calls.ts";

export type LogplexDeps = {
  readonly apps: Apps;
  readonly tokens: Tokens;
  readonly drains: Drains;
  readonly keys: Keys;
  readonly addons: Pick<Addons, "stored" | "refuseForeignToken">;
};

const tags = ["Logplex"];
const path = "/v3/channels/:channel";
const channelReply = object(
  {
    channel: text,
    tokens: { type: "object", additionalProperties: text },
    drains: arrayOf(object({ id: count, token: text, url: text })),
  },
  { optional: ["tokens", "drains"] },
);

type ChannelPath = { channel: string };
export const channelOf = (request: { params: unknown }): string => (request.params as ChannelPath).channel;

export const logplexChannels: FastifyPluginAsync<LogplexDeps> = async (server, deps) => {
  const { apps, tokens, drains, keys, addons } = deps;

  // `channel` is the name or id that the caller used. Empty lists are left out, as in logplex.
  const show = async (channel: string, { id }: AppRecord) => {
    const [allTokens, allDrains] = await Promise.all([tokens.list(id), drains.list(id)]);
    return {
      channel,
      ...(allTokens.length > 0 && {
        tokens: Object.fromEntries(allTokens.map(({ source, token }) => [source, token])),
      }),
      ...(allDrains.length > 0 && {
        drains: allDrains.map(({ number, token, url }) => ({ id: number, token, url })),
      }),
    };
  };

  allowOnly(server, path, ["GET", "PUT", "DELETE"]);

  server.get(
    path,
    { schema: { tags, summary: "A channel, its tokens and drains", response: { 200: channelReply } } },
    call(keys, async (request, reply, principal) => {
      const app = await appOfTokens(apps, principal, channelOf(request));
      return reply.send(await show(channelOf(request), app));
    }),
  );

  server.put(
    path,
    {
      schema: {
        tags,
        summary: "Make a channel, or set its tokens: `tokens` is the full wanted list",
        body: bodyOf({ tokens: arrayOf(text) }),
        response: { 200: channelReply, 201: channelReply },
      },
    },
    callWith(keys, wantedSources, async (request, reply, principal, sources) => {
      const wrong = sources.find((source) => !isSource(source));
      const channel = channelOf(request);
      const before = await findOrMayMake(channel, principal);
      if (wrong !== undefined) throw sourceInvalid(wrong);
      if (sources.length > tokensMax) throw tokenLimit(tokensMax);
      const app = before ?? (await apps.create(channel, sources));
      await setSources(app, sources);
      return reply.code(before === undefined ? 201 : 200).send(await show(channel, app));
    }),
  );

  server.delete(
    path,
    { schema: { tags, summary: "Destroy a channel" } },
    call(keys, async (request, reply, principal) => {
      const app = await appToManage(apps, principal, channelOf(request));
      await apps.destroy(app.id);
      return reply.code(204).send();
    }),
  );

  // Undefined if there is none and this key may make it.
  const findOrMayMake = async (channel: string, principal: Principal): Promise<AppRecord | undefined> => {
    const isThere = principal.apps !== "all" || principal.readOnly || (await apps.get(channel)) !== undefined;
    return isThere ? appToManage(apps, principal, channel) : undefined;
  };

  const setSources = async ({ id }: AppRecord, sources: readonly string[]) => {
    const present = await tokens.list(id);
    const ofAddons = new Set((await addons.stored.list(id)).map(({ token }) => token));
    for (const { source, token } of present)
      if (!sources.includes(source) && !ofAddons.has(token)) await tokens.revoke(token);
    for (const source of sources) {
      if (!present.some((token) => token.source === source)) await tokens.create(id, source);
    }
  };
};

/** The source names in `{"tokens": […]}`, without repetitions; empty without the field. */
function wantedSources({ tokens = [] }: Payload): string[] | undefined {
  if (!Array.isArray(tokens) || tokens.some((name) => typeof name !== "string")) return undefined;
  return [...new Set(tokens as string[])];
}
