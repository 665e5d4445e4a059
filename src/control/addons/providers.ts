/**
 * Calls of add-on providers about their own add-ons (Heroku's Platform API for Partners): a 202 becomes ready, config
 * vars and the drain's URL come later. A provider authenticates with the add-on's access token, or with its manifest's
 * password as Basic credentials.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import type { Manifest } from "../../addons/manifest.ts";
import type { ChannelId } from "../../core/ids.ts";
import { notFound, unauthorized } from "../../errors/access.ts";
import { paramsInvalid } from "../../errors/api.ts";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import { isSameSecret } from "../../registry/secrets.ts";
import { secretIn } from "../auth.ts";
import type { AddonLookup } from "../platform/addon-lookup.ts";
import {
  addonConfigOf,
  addonConfigReply,
  addonDrainOf,
  addonDrainReply,
  addonOf,
  addonReply,
  tags,
} from "../platform/addon-reply.ts";
import { publicUrlOf } from "../public-url.ts";
import { arrayOf, bodyOf, failures, optionalText, text } from "../schemas.ts";

export type AddonRequest = { Params: { addon: string } };
export type OwnAddon = { readonly channel: ChannelId; readonly addon: AddonRecord };
export type AddonProvidersDeps = AddonLookup;

/** The add-on of the path, if the credentials are its provider's. */
export async function addonOfProvider(
  addons: Addons,
  request: FastifyRequest<AddonRequest>,
): Promise<(OwnAddon & { readonly manifest: Manifest }) | undefined> {
  const secret = secretIn(request.headers.authorization) ?? "";
  const wanted = request.params.addon;
  const held = await addons.grants.holderOf(secret);
  if (held === undefined && !isOfSomeProvider(addons, secret)) return undefined; // without a look at all add-ons
  const found = held ?? (await addons.stored.find(wanted));
  const manifest = found && addons.manifests.get(found.addon.service);
  if (found === undefined || manifest === undefined) return undefined;
  if (held !== undefined)
    return held.addon.id === wanted || held.addon.name === wanted ? { ...held, manifest } : undefined;
  return isSameSecret(secret, manifest.password) ? { ...found, manifest } : undefined;
}

const isOfSomeProvider = ({ manifests }: Addons, secret: string): boolean =>
  [...manifests.values()].filter(({ password }) => isSameSecret(secret, password)).length > 0;

export const addonProviders: FastifyPluginAsync<AddonProvidersDeps> = async (
  server,
  { addons, apps, publicUrl },
) => {
  /** Anybody else gets the same answer whether or not the add-on exists. */
  const own = async (request: FastifyRequest<AddonRequest>) => {
    const found = await addonOfProvider(addons, request);
    if (found === undefined) throw unauthorized();
    const app = await apps.get(found.channel);
    if (app === undefined) throw unauthorized();
    return { ...found, app };
  };

  // Runs before anything else in the request is looked at.
  server.addHook("onRequest", async (request) => {
    await own(request as FastifyRequest<AddonRequest>);
  });

  server.post<AddonRequest>(
    "/addons/:addon/actions/provision",
    {
      schema: {
        tags,
        summary: "A provider: the add-on is ready",
        response: { 200: addonReply, ...failures },
      },
    },
    async (request) => {
      const { channel, addon, app } = await own(request);
      return addonOf(publicUrlOf(request, publicUrl), app, await addons.provisioned(channel, addon));
    },
  );
  server.post<AddonRequest>(
    "/addons/:addon/actions/deprovision",
    {
      schema: {
        tags,
        summary: "A provider: the add-on is gone, or could not be made",
        response: { 200: addonReply, ...failures },
      },
    },
    async (request) => {
      const { channel, addon, app } = await own(request);
      const user = { id: addon.id, email: `${addon.service}@addons.localhost` };
      await addons.destroy(channel, addon, user, true);
      return addonOf(publicUrlOf(request, publicUrl), app, addon, "deprovisioned");
    },
  );
  server.patch<AddonRequest & { Body: { config: { name: string; value?: string | null }[] } }>(
    "/addons/:addon/config",
    {
      schema: {
        tags,
        summary: "A provider: config vars of the add-on",
        body: bodyOf({ config: arrayOf(bodyOf({ name: text, value: optionalText }, ["name"])) }, ["config"]),
        response: { 200: addonConfigReply, ...failures },
      },
    },
    async (request) => {
      const { channel, addon, manifest } = await own(request);
      const { config } = request.body;
      const odd = config.find(
        ({ name, value }) => !manifest.configVars.includes(name) || typeof value !== "string",
      );
      if (odd !== undefined)
        throw paramsInvalid(`${odd.name.slice(0, 60)} is not in the manifest's config_vars, or has no value`);
      const vars = Object.fromEntries(config.map(({ name, value }) => [name, value!]));
      const changed = await addons.setConfig(channel, addon, vars);
      return addonConfigOf(await addons.configOf(channel, changed));
    },
  );
  server.put<{ Params: { addon: string; drain: string }; Body: { url: string } }>(
    "/addons/:addon/log-drains/:drain",
    {
      schema: {
        tags,
        summary: "A provider: the URL of the add-on's drain, by its token, id or URL",
        body: bodyOf({ url: text }, ["url"]),
        response: { 200: addonDrainReply, ...failures },
      },
    },
    async (request) => {
      const { channel, addon, app } = await own(request);
      const drain = await addons.drainOf(channel, addon);
      const { drain: wanted } = request.params;
      if (drain === undefined || ![drain.id, drain.token, drain.url].includes(wanted))
        throw notFound("log_drain");
      return addonDrainOf(app, await addons.setDrain(channel, addon, request.body.url));
    },
  );
};
