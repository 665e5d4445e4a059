/**
 * Calls of add-on providers about their own add-ons (Heroku's Platform API for Partners), with the service and password of
 * their manifest as Basic credentials: a 202 becomes ready, config vars and the drain's URL come later.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Addons } from "../addons/addons.ts";
import { notFound, unauthorized } from "../errors/access.ts";
import { paramsInvalid } from "../errors/api.ts";
import { isSameSecret } from "../registry/secrets.ts";
import { secretIn } from "./auth.ts";
import { arrayOf, bodyOf, failures, object, optionalText, text, uuid } from "./schemas.ts";

const state = object({ id: uuid, state: text });
const tags = ["Add-ons"];
type AddonRequest = { Params: { addon: string } };

export const addonCallbacks: FastifyPluginAsync<{ addons: Addons }> = async (server, { addons }) => {
  /** The add-on, if the request is its provider's; anybody else is told the same whether it is there or not. */
  const own = async (request: FastifyRequest<AddonRequest>) => {
    const secret = secretIn(request.headers.authorization) ?? "";
    const found = await addons.find(request.params.addon);
    const manifest = found && addons.manifests.get(found.addon.service);
    if (found === undefined || manifest === undefined || !isSameSecret(secret, manifest.password))
      throw unauthorized();
    return { ...found, manifest };
  };

  // Before anything else of the request is looked at.
  server.addHook("onRequest", async (request) => {
    await own(request as FastifyRequest<AddonRequest>);
  });

  server.post<AddonRequest>(
    "/addons/:addon/actions/provision",
    { schema: { tags, summary: "A provider: the add-on is ready", response: { 200: state, ...failures } } },
    async (request) => {
      const { channel, addon } = await own(request);
      const { id, state: now } = await addons.provisioned(channel, addon);
      return { id, state: now };
    },
  );
  server.post<AddonRequest>(
    "/addons/:addon/actions/deprovision",
    {
      schema: {
        tags,
        summary: "A provider: the add-on is gone, or could not be made",
        response: { 200: state, ...failures },
      },
    },
    async (request) => {
      const { channel, addon } = await own(request);
      const user = { id: addon.id, email: `${addon.service}@addons.localhost` };
      await addons.destroy(channel, addon, user, true);
      return { id: addon.id, state: "deprovisioned" };
    },
  );
  server.patch<AddonRequest & { Body: { config: { name: string; value?: string | null }[] } }>(
    "/addons/:addon/config",
    {
      schema: {
        tags,
        summary: "A provider: config vars of the add-on",
        body: bodyOf({ config: arrayOf(bodyOf({ name: text, value: optionalText }, ["name"])) }, ["config"]),
        response: { 200: state, ...failures },
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
      return { id: changed.id, state: changed.state };
    },
  );
  server.put<{ Params: { addon: string; drain: string }; Body: { url: string } }>(
    "/addons/:addon/log-drains/:drain",
    {
      schema: {
        tags,
        summary: "A provider: the URL of the add-on's drain",
        body: bodyOf({ url: text }, ["url"]),
        response: { 200: object({ url: text }), ...failures },
      },
    },
    async (request) => {
      const { channel, addon } = await own(request);
      if (addon.drain === undefined) throw notFound("log_drain");
      await addons.setDrain(channel, addon, request.body.url);
      return { url: request.body.url };
    },
  );
};
