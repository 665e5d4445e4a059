/** v3 drains, by their decimal ids. Without a URL a drain is only reserved. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { notFound } from "../../errors/access.ts";
import { addonOwnsDrain } from "../../errors/addons.ts";
import type { Principal } from "../../registry/principal.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { appToManage } from "../auth.ts";
import { type PublicUrl, publicUrlOf } from "../public-url.ts";
import { bodyOf, count, object, text } from "../schemas.ts";
import { allowOnly, call, callWith, type Payload } from "./calls.ts";
import { channelOf, type LogplexDeps } from "./channels.ts";

const tags = ["Logplex"];
const path = "/v3/channels/:channel/drains";
const drainReply = object({ id: count, token: text, url: text }, { optional: ["url"] });

const replyOf = ({ number, token, url }: DrainRecord) => ({
  id: number,
  token,
  ...(url !== undefined && { url }),
});

export const logplexDrains: FastifyPluginAsync<LogplexDeps & { publicUrl: PublicUrl }> = async (
  server,
  deps,
) => {
  const { apps, drains, keys, publicUrl } = deps;

  const find = async (request: FastifyRequest, principal: Principal): Promise<DrainRecord> => {
    const app = await appToManage(apps, principal, channelOf(request));
    const { number } = request.params as { number: string };
    const drain = /^\d{1,15}$/.test(number) ? await drains.getNumbered(app.id, Number(number)) : undefined;
    if (drain === undefined) throw notFound("log_drain", number);
    return drain;
  };

  allowOnly(server, path, ["POST"]);
  allowOnly(server, `${path}/:number`, ["PUT", "DELETE"]);

  server.post(
    path,
    {
      schema: {
        tags,
        summary: "Add a drain; without `url` only its id and token are reserved",
        body: bodyOf({ url: text }),
        response: { 201: drainReply },
      },
    },
    callWith(keys, wantedUrl, async (request, reply, principal, { url }) => {
      const app = await appToManage(apps, principal, channelOf(request));
      const drain = url === undefined ? await drains.reserve(app.id) : await drains.create(app.id, { url });
      const at = `${publicUrlOf(request, publicUrl)}/v3/channels/${encodeURIComponent(channelOf(request))}`;
      return reply.code(201).header("location", `${at}/drains/${drain.number}`).send(replyOf(drain));
    }),
  );

  server.put(
    `${path}/:number`,
    {
      schema: {
        tags,
        summary: "Set the URL of a drain",
        body: bodyOf({ url: text }, ["url"]),
        response: { 200: drainReply },
      },
    },
    callWith(
      keys,
      (payload) => wantedUrl(payload)?.url,
      async (request, reply, principal, url) => {
        const drain = notAddons(await find(request, principal));
        return reply.send(replyOf(await drains.update(drain, { url })));
      },
    ),
  );

  server.delete(
    `${path}/:number`,
    { schema: { tags, summary: "Remove a drain" } },
    call(keys, async (request, reply, principal) => {
      const drain = notAddons(await find(request, principal));
      await drains.remove(drain.channel, drain.id);
      return reply.code(204).send();
    }),
  );
};

/**
 * The drain, unless it belongs to an add-on: those are for their providers to change, and are removed with the add-on.
 */
function notAddons(drain: DrainRecord): DrainRecord {
  if (drain.addon !== undefined) throw addonOwnsDrain(drain.addon.name);
  return drain;
}

function wantedUrl({ url }: Payload): { url?: string } | undefined {
  if (url === undefined) return {};
  return typeof url === "string" && URL.canParse(url) ? { url } : undefined;
}
