/** An add-on by its own id or name, for keys that may see its app and for its provider. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { keyReadOnly, notFound } from "../../errors/access.ts";
import type { Keys } from "../../registry/keys.ts";
import type { AppRecord } from "../../registry/records.ts";
import { authenticate } from "../auth.ts";
import type { BrowserDeps } from "../browser.ts";
import { addonSeenBy } from "../platform/addon-lookup.ts";
import {
  addonConfigOf,
  addonConfigReply,
  addonDrainOf,
  addonDrainReply,
  addonOf,
  addonReply,
  attachmentOf,
  attachmentReply,
  tags,
} from "../platform/addon-reply.ts";
import { publicUrlOf } from "../public-url.ts";
import { arrayOf, failures } from "../schemas.ts";
import { type AddonProvidersDeps, type AddonRequest, addonOfProvider, type OwnAddon } from "./providers.ts";

type AddonItselfDeps = AddonProvidersDeps &
  BrowserDeps & {
    readonly keys: Keys;
    /** A drain's URL without its secrets, for keys that only read. */
    readonly redactUrl: (url: string) => string;
  };
type Seen = OwnAddon & { readonly app: AppRecord; readonly readOnly: boolean };

export const addonItself: FastifyPluginAsync<AddonItselfDeps> = async (server, deps) => {
  const { addons, apps } = deps;
  const seen = new WeakMap<FastifyRequest, Seen>();
  const seenBy = (request: FastifyRequest): Seen => seen.get(request)!;

  server.addHook("onRequest", async (request) => {
    const named = request as FastifyRequest<AddonRequest>;
    const provided = await addonOfProvider(addons, named);
    const principal = provided === undefined ? await authenticate(request, deps.keys, deps) : undefined;
    const found = provided ?? (await addonSeenBy(addons, principal!, named.params.addon));
    if (found === undefined) throw notFound("add_on", named.params.addon);
    const app = await apps.get(found.channel);
    if (app === undefined) throw notFound("add_on", named.params.addon);
    seen.set(request, { ...found, app, readOnly: principal?.readOnly === true });
  });

  const drainsOf = async (request: FastifyRequest) => {
    const { channel, addon, app, readOnly } = seenBy(request);
    const drain = await addons.drainOf(channel, addon);
    if (drain === undefined) return [];
    const shown = addonDrainOf(app, drain);
    return [{ ...shown, url: readOnly ? deps.redactUrl(shown.url) : shown.url }];
  };

  server.get<AddonRequest>(
    "/addons/:addon",
    { schema: { tags, summary: "An add-on of whichever app", response: { 200: addonReply, ...failures } } },
    async (request) => {
      const { app, addon } = seenBy(request);
      return addonOf(publicUrlOf(request, deps.publicUrl), app, addon);
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
      const { app, addon } = seenBy(request);
      return [attachmentOf(publicUrlOf(request, deps.publicUrl), app, addon)];
    },
  );
  server.get<AddonRequest>(
    "/addons/:addon/config",
    {
      schema: {
        tags,
        summary: "The config vars of an add-on, with their values",
        response: { 200: addonConfigReply, ...failures },
      },
    },
    async (request) => {
      const { channel, addon, readOnly } = seenBy(request);
      if (readOnly) throw keyReadOnly();
      return addonConfigOf(await addons.configOf(channel, addon));
    },
  );
  server.get<AddonRequest>(
    "/addons/:addon/log-drains",
    {
      schema: {
        tags,
        summary: "The drains of an add-on: one, or none",
        response: { 200: arrayOf(addonDrainReply), ...failures },
      },
    },
    drainsOf,
  );
  server.get<{ Params: { addon: string; drain: string } }>(
    "/addons/:addon/log-drains/:drain",
    {
      schema: { tags, summary: "A drain of an add-on", response: { 200: addonDrainReply, ...failures } },
    },
    async (request) => {
      const { drain: wanted } = request.params;
      const found = (await drainsOf(request)).find(({ id, token, url }) => [id, token, url].includes(wanted));
      if (found === undefined) throw notFound("log_drain");
      return found;
    },
  );
};
