/** Heroku Platform API, "Add-on", "Add-on Attachment", "Add-on Service" and "Plan". Routes only translate; `Addons` holds the rules. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Addons, Places } from "../../addons/addons.ts";
import type { Manifest } from "../../addons/manifest.ts";
import { notFound } from "../../errors/access.ts";
import { noMeaning } from "../../errors/platform.ts";
import type { Apps } from "../../registry/apps.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import { maySee } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, appToSee, managedAppOf, principalOf } from "../auth.ts";
import { type PublicUrl, publicUrlOf } from "../public-url.ts";
import {
  appPath,
  appRef,
  arrayOf,
  bodyOf,
  count,
  failures,
  flag,
  object,
  optionalText,
  text,
  time,
  uuid,
} from "../schemas.ts";
import { derivedId } from "./formation.ts";
import { requester } from "./platform-lines.ts";

export type AddonsDeps = {
  readonly addons: Addons;
  readonly apps: Apps;
  readonly publicUrl: PublicUrl;
  readonly ingestUrl: string | undefined;
};

const serviceRef = object({ id: uuid, name: text });
const price = object({ cents: count, contract: flag, metered: flag, unit: text });
const planReply = object({ id: uuid, name: text, human_name: text, description: text, default: flag, price });
const addonReply = object({
  id: uuid,
  name: text,
  state: { ...text, enum: ["provisioning", "provisioned", "deprovisioning", "deprovisioned"] },
  app: appRef,
  billing_entity: object({ id: uuid, name: text, type: text }),
  addon_service: object({ id: uuid, name: text, human_name: text }),
  plan: planReply,
  billed_price: price,
  config_vars: arrayOf(text),
  provision_message: optionalText,
  provider_id: optionalText,
  web_url: optionalText,
  actions: { type: "array", items: object({}) },
  created_at: time,
  updated_at: time,
});
const attachmentReply = object({
  id: uuid,
  name: text,
  app: appRef,
  addon: object({ id: uuid, name: text, app: appRef, plan: serviceRef }),
  config_vars: arrayOf(text),
  namespace: optionalText,
  created_at: time,
  updated_at: time,
});
const serviceReply = object({
  id: uuid,
  name: text,
  human_name: text,
  state: text,
  cli_plugin_name: optionalText,
  supports_multiple_installations: flag,
  supports_sharing: flag,
});
const addonPath = object({ app: { ...text, description: "name or id" }, addon: text });
const tags = ["Add-ons"];
const free = { cents: 0, contract: false, metered: false, unit: "month" };

const planOf = (service: string, plan: string) => ({
  id: derivedId(service, plan),
  name: `${service}:${plan}`,
  human_name: plan,
  description: `${service} ${plan}`,
  default: plan === defaultPlan,
  price: free,
});
const defaultPlan = "default";

const serviceOf = ({ id, name }: Manifest) => ({
  id: derivedId("service", id),
  name: id,
  human_name: name,
  state: "ga",
  cli_plugin_name: null,
  supports_multiple_installations: true,
  supports_sharing: false,
});

const addonOf = ({ id, name }: AppRecord, addon: AddonRecord, state?: "deprovisioned") => ({
  id: addon.id,
  name: addon.name,
  state: state ?? (addon.state === "asked" ? "provisioning" : addon.state),
  app: { id, name },
  billing_entity: { id, name, type: "app" },
  addon_service: { id: derivedId("service", addon.service), name: addon.service, human_name: addon.service },
  plan: planOf(addon.service, addon.plan),
  billed_price: free,
  config_vars: addon.configVars,
  provision_message: addon.message ?? null,
  provider_id: addon.providerId ?? null,
  web_url: null,
  actions: [],
  created_at: addon.createdAt,
  updated_at: addon.updatedAt,
});

const attachmentOf = ({ id, name }: AppRecord, addon: AddonRecord) => ({
  id: derivedId(addon.id, "attachment"),
  name: addon.service.toUpperCase().replaceAll("-", "_"),
  app: { id, name },
  addon: {
    id: addon.id,
    name: addon.name,
    app: { id, name },
    plan: { id: derivedId(addon.service, addon.plan), name: `${addon.service}:${addon.plan}` },
  },
  config_vars: addon.configVars,
  namespace: null,
  created_at: addon.createdAt,
  updated_at: addon.updatedAt,
});

/** `SERVICE:PLAN`, or a service with its default plan. */
function planIn(words: string): { readonly service: string; readonly plan: string } {
  const [service = "", ...plan] = words.split(":");
  return { service, plan: plan.join(":") || defaultPlan };
}

type AddonRequest = { Params: { addon: string } };
type ServiceRequest = { Params: { service: string } };
type Create = {
  readonly plan: string | { readonly name: string };
  readonly name?: string | null;
  readonly config?: Record<string, unknown> | null;
};

export const addonsApi: FastifyPluginAsync<AddonsDeps> = async (server, deps) => {
  const { addons, apps } = deps;

  const places = (request: FastifyRequest): Places => {
    const base = publicUrlOf(request, deps.publicUrl);
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
  /** The apps that the key may see, with their add-ons. */
  const visible = async (request: FastifyRequest) => {
    const principal = principalOf(request);
    const seen = (await apps.list()).filter(({ id }) => maySee(principal, id));
    return Promise.all(seen.map(async (app) => ({ app, list: await addons.list(app.id) })));
  };
  const find = async (request: FastifyRequest, wanted: string) => {
    const found = await addons.find(wanted);
    if (found === undefined || !maySee(principalOf(request), found.channel)) throw notFound("add_on");
    const app = await apps.get(found.channel);
    if (app === undefined) throw notFound("add_on");
    return { app, addon: found.addon };
  };

  server.get(
    "/apps/:app/addons",
    {
      schema: {
        tags,
        summary: "The add-ons of an app",
        params: appPath,
        response: { 200: arrayOf(addonReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      return (await addons.list(app.id)).map((addon) => addonOf(app, addon));
    },
  );
  server.get(
    "/addons",
    {
      schema: {
        tags,
        summary: "All add-ons that this key may see",
        response: { 200: arrayOf(addonReply), ...failures },
      },
    },
    async (request) =>
      (await visible(request)).flatMap(({ app, list }) => list.map((addon) => addonOf(app, addon))),
  );

  server.post<{ Body: Create }>(
    "/apps/:app/addons",
    {
      schema: {
        tags,
        summary: "Make an add-on at its provider",
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
      const wanted = { ...planIn(words.slice(0, 200)), name: name ?? undefined, options: config ?? {} };
      const made = await addons.create(app, wanted, requester(request), places(request));
      return reply.code(201).send(addonOf(app, made));
    },
  );

  server.get<AddonRequest>(
    "/apps/:app/addons/:addon",
    { schema: { tags, summary: "An add-on", params: addonPath, response: { 200: addonReply, ...failures } } },
    async (request) => {
      const app = appOf(request);
      return addonOf(app, await addons.get(app.id, request.params.addon));
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
      const addon = await addons.get(app.id, request.params.addon);
      const { plan: given } = request.body;
      if (given === undefined) throw noMeaning("Renaming an add-on", "Destroy it and make one with --name.");
      const words = typeof given === "string" ? given : String(given?.name ?? "");
      const { plan } = planIn(words.includes(":") ? words : `${addon.service}:${words}`);
      return addonOf(app, await addons.changePlan(app, addon, plan, requester(request)));
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
      const addon = await addons.get(app.id, request.params.addon);
      await addons.destroy(app.id, addon, requester(request), request.body.force === true);
      return addonOf(app, addon, "deprovisioned");
    },
  );

  server.get<AddonRequest>(
    "/addons/:addon",
    { schema: { tags, summary: "An add-on of whichever app", response: { 200: addonReply, ...failures } } },
    async (request) => {
      const { app, addon } = await find(request, request.params.addon);
      return addonOf(app, addon);
    },
  );
  server.get<AddonRequest>(
    "/addons/:addon/addon-attachments",
    {
      schema: {
        tags,
        summary: "The attachment of an add-on",
        response: { 200: arrayOf(attachmentReply), ...failures },
      },
    },
    async (request) => {
      const { app, addon } = await find(request, request.params.addon);
      return [attachmentOf(app, addon)];
    },
  );
  server.get(
    "/apps/:app/addon-attachments",
    {
      schema: {
        tags,
        summary: "The attachments of an app",
        params: appPath,
        response: { 200: arrayOf(attachmentReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      return (await addons.list(app.id)).map((addon) => attachmentOf(app, addon));
    },
  );
  server.get(
    "/addon-attachments",
    {
      schema: {
        tags,
        summary: "All attachments that this key may see",
        response: { 200: arrayOf(attachmentReply), ...failures },
      },
    },
    async (request) =>
      (await visible(request)).flatMap(({ app, list }) => list.map((addon) => attachmentOf(app, addon))),
  );

  server.post<{ Body: { addon: string; app?: string | null } }>(
    "/actions/addons/resolve",
    {
      schema: {
        tags,
        summary: "The add-ons that a name means",
        body: bodyOf({ addon: text, app: optionalText }, ["addon"]),
        response: { 200: arrayOf(addonReply), ...failures },
      },
    },
    async (request) => {
      const { addon: wanted, app: name } = request.body;
      if (!name) {
        const { app, addon } = await find(request, wanted);
        return [addonOf(app, addon)];
      }
      const app = await appToSee(apps, principalOf(request), name);
      return [addonOf(app, await addons.get(app.id, wanted))];
    },
  );

  server.get(
    "/addon-services",
    {
      schema: {
        tags,
        summary: "The services with a manifest here",
        response: { 200: arrayOf(serviceReply), ...failures },
      },
    },
    async () => [...addons.manifests.values()].map(serviceOf),
  );
  server.get<ServiceRequest>(
    "/addon-services/:service",
    { schema: { tags, summary: "A service", response: { 200: serviceReply, ...failures } } },
    async (request) => serviceOf(addons.manifest(request.params.service)),
  );
  server.get<ServiceRequest>(
    "/addon-services/:service/plans",
    {
      schema: {
        tags,
        summary: "Its plans: any name is one, the provider says which it has",
        response: { 200: arrayOf(planReply), ...failures },
      },
    },
    async (request) => [planOf(addons.manifest(request.params.service).id, defaultPlan)],
  );
};
