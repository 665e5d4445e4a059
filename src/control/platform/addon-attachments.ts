/** Heroku Platform API, "Add-on Attachment": each add-on has one, at its own app. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { noMeaning } from "../../errors/platform.ts";
import { appToSee, principalOf } from "../auth.ts";
import { publicUrlOf } from "../public-url.ts";
import { arrayOf, bodyOf, failures, optionalText, text } from "../schemas.ts";
import { serveAddonLists } from "./addon-lists.ts";
import { type AddonLookup, findAddon } from "./addon-lookup.ts";
import { addonOf, addonReply, attachmentOf, attachmentReply, tags } from "./addon-reply.ts";

type Resolve = { readonly app?: string | null; readonly addon_service?: string | null };

export const addonAttachmentsApi: FastifyPluginAsync<AddonLookup> = async (server, deps) => {
  const { addons, apps, publicUrl } = deps;

  serveAddonLists(server, deps, {
    path: "addon-attachments",
    name: "attachments",
    reply: attachmentReply,
    itemOf: attachmentOf,
  });

  /** The add-ons that a name may mean, in one app or in all; only those of one service if the body names it. */
  const resolve = async (
    request: FastifyRequest,
    wanted: string,
    { app: name, addon_service: of }: Resolve,
  ) => {
    if (of && !addons.manifests.has(of))
      throw noMeaning(of.slice(0, 60), "`tailrace addons:services` lists the services with a manifest here.");
    if (!name) return findAddon(deps, request, wanted);
    const app = await appToSee(apps, principalOf(request), name);
    return { app, addon: await addons.stored.get(app.id, wanted) };
  };
  server.post<{ Body: Resolve & { addon: string } }>(
    "/actions/addons/resolve",
    {
      schema: {
        tags,
        summary: "The add-ons that a name means",
        body: bodyOf({ addon: text, app: optionalText, addon_service: optionalText }, ["addon"]),
        response: { 200: arrayOf(addonReply), ...failures },
      },
    },
    async (request) => {
      const { app, addon } = await resolve(request, request.body.addon, request.body);
      return [addonOf(publicUrlOf(request, publicUrl), app, addon)];
    },
  );
  server.post<{ Body: Resolve & { addon_attachment: string } }>(
    "/actions/addon-attachments/resolve",
    {
      schema: {
        tags,
        summary: "The attachments that a name means: an add-on's own name means its attachment",
        body: bodyOf({ addon_attachment: text, app: optionalText, addon_service: optionalText }, [
          "addon_attachment",
        ]),
        response: { 200: arrayOf(attachmentReply), ...failures },
      },
    },
    async (request) => {
      const { addon_attachment: wanted } = request.body;
      const named = wanted.slice(wanted.lastIndexOf("::") + 1).replace(/^:/, "");
      const { app, addon } = await resolve(request, named, request.body);
      return [attachmentOf(publicUrlOf(request, publicUrl), app, addon)];
    },
  );
};
