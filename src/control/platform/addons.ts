/** Heroku Platform API, "Add-on" of apps. Routes only translate; `Addons` holds the rules. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Places } from "../../addons/addons.ts";
import { noMeaning } from "../../errors/platform.ts";
import { appOf, managedAppOf } from "../auth.ts";
import { publicUrlOf } from "../public-url.ts";
import { appPath, bodyOf, failures, flag, optionalText } from "../schemas.ts";
import { addonAttachmentsApi } from "./addon-attachments.ts";
import { serveAddonLists } from "./addon-lists.ts";
import type { AddonLookup } from "./addon-lookup.ts";
import { addonOf, addonPath, addonReply, planIn, signOnReply, tags } from "./addon-reply.ts";
import { addonServicesApi } from "./addon-services.ts";
import { type AddonSignOnDeps, signOnBy } from "./addon-sign-on.ts";
import { requester } from "./platform-lines.ts";

type AddonsDeps = AddonLookup & AddonSignOnDeps & { readonly ingestUrl: string | undefined };

type AddonRequest = { Params: { addon: string } };
type Create = {
  readonly plan: string | { readonly name: string };
  readonly name?: string | null;
  readonly config?: Record<string, unknown> | null;
};

export const addonsApi: FastifyPluginAsync<AddonsDeps> = async (server, deps) => {
  const { addons } = deps;
  await server.register(addonServicesApi, deps);
  await server.register(addonAttachmentsApi, deps);

  const baseOf = (request: FastifyRequest) => publicUrlOf(request, deps.publicUrl);
  const places = (request: FastifyRequest): Places => {
    const base = baseOf(request);
    return {
      callbackUrl: (id) => `${base}/addons/${id}`,
      inputUrl: (token) => {
        const url = new URL(`${deps.ingestUrl ?? base}/logs`);
        url.username = "token";
        url.password = token;
        return url.href;
      },
    };
  };

  serveAddonLists(server, deps, { path: "addons", name: "add-ons", reply: addonReply, itemOf: addonOf });

  server.post<{ Body: Create }>(
    "/apps/:app/addons",
    {
      schema: {
        tags,
        summary: "Create an add-on at its provider",
        params: appPath,
        body: bodyOf(
          {
            plan: { description: "`SERVICE:PLAN`, or an object with it as `name`" },
            name: optionalText,
            config: { type: "object", nullable: true },
          },
          ["plan"],
        ),
        response: { 201: addonReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = managedAppOf(request);
      const { plan: given, name, config } = request.body;
      const words = typeof given === "string" ? given : String(given?.name ?? "");
      const wanted = { ...planIn(words), name: name ?? undefined, options: config ?? {} };
      const made = await addons.create(app, wanted, requester(request), places(request));
      return reply.code(201).send(addonOf(baseOf(request), app, made));
    },
  );

  server.get<AddonRequest>(
    "/apps/:app/addons/:addon",
    { schema: { tags, summary: "An add-on", params: addonPath, response: { 200: addonReply, ...failures } } },
    async (request) => {
      const app = appOf(request);
      return addonOf(baseOf(request), app, await addons.stored.get(app.id, request.params.addon));
    },
  );

  server.patch<AddonRequest & { Body: Create }>(
    "/apps/:app/addons/:addon",
    {
      schema: {
        tags,
        summary: "Change the plan of an add-on",
        params: addonPath,
        body: bodyOf({ plan: {}, name: optionalText }),
        response: { 200: addonReply, ...failures },
      },
    },
    async (request) => {
      const app = managedAppOf(request);
      const addon = await addons.stored.get(app.id, request.params.addon);
      const { plan: given } = request.body;
      if (given === undefined) throw noMeaning("Renaming an add-on", "Destroy it and make one with --name.");
      const words = typeof given === "string" ? given : String(given?.name ?? "");
      const { plan } = planIn(words.includes(":") ? words : `${addon.service}:${words}`);
      const changed = await addons.changePlan(app, addon, plan, requester(request));
      return addonOf(baseOf(request), app, changed);
    },
  );

  server.delete<AddonRequest & { Body: { force?: boolean | null } }>(
    "/apps/:app/addons/:addon",
    {
      schema: {
        tags,
        summary: "Destroy an add-on, with its drain, token and config vars",
        params: addonPath,
        body: bodyOf({ force: { ...flag, nullable: true } }),
        response: { 200: addonReply, ...failures },
      },
    },
    async (request) => {
      const app = managedAppOf(request);
      const addon = await addons.stored.get(app.id, request.params.addon);
      await addons.destroy(app.id, addon, requester(request), request.body.force === true);
      return addonOf(baseOf(request), app, addon, "deprovisioned");
    },
  );

  server.get<AddonRequest>(
    "/apps/:app/addons/:addon/sso",
    {
      schema: {
        tags,
        summary: "The form that signs on at an add-on's dashboard",
        params: addonPath,
        response: { 200: signOnReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = appOf(request);
      reply.header("cache-control", "no-store");
      return signOnBy(request, deps, app, await addons.stored.get(app.id, request.params.addon));
    },
  );
};
