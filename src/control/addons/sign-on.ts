/**
 * `/addons/ID/sso`, which `web_url` is: for programs the form that signs on at an add-on's dashboard, for browsers the page
 * that posts it. A browser in which nobody is signed in is sent to the sign-in, which sends it back.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { AppError } from "../../errors/app-error.ts";
import type { Keys } from "../../registry/keys.ts";
import { authenticate } from "../auth.ts";
import type { BrowserDeps } from "../browser.ts";
import { type AddonLookup, findAddon } from "../platform/addon-lookup.ts";
import { signOnReply, tags } from "../platform/addon-reply.ts";
import { type AddonSignOnDeps, signOnBy } from "../platform/addon-sign-on.ts";
import { failures } from "../schemas.ts";
import type { AddonRequest } from "./providers.ts";
import { failurePage, signOnPage, signOnPageHeaders } from "./sign-on-page.ts";

type SignOnDeps = AddonLookup & AddonSignOnDeps & BrowserDeps & { readonly keys: Keys };

export const addonSignOn: FastifyPluginAsync<SignOnDeps> = async (server, deps) => {
  const find = async (request: FastifyRequest<AddonRequest>) => {
    await authenticate(request, deps.keys, deps);
    const { app, addon } = await findAddon(deps, request, request.params.addon);
    return { addon, form: signOnBy(request, deps, app, addon) };
  };

  server.get<AddonRequest>(
    "/addons/:addon/sso",
    {
      schema: {
        tags,
        summary: "The form that signs on at an add-on's dashboard; for a browser, the page that posts it",
        response: { 200: signOnReply, ...failures },
      },
    },
    async (request, reply) => {
      reply.header("cache-control", "no-store").header("vary", "accept");
      if (!isBrowser(request)) return (await find(request)).form;
      try {
        const { addon, form } = await find(request);
        return reply.headers(signOnPageHeaders).send(signOnPage(addon.name, form));
      } catch (failure) {
        if (!(failure instanceof AppError)) throw failure;
        if (failure.status === 401)
          return reply.redirect(`/#/addons/${encodeURIComponent(request.params.addon)}`, 303);
        return reply.code(failure.status).headers(signOnPageHeaders).send(failurePage(failure));
      }
    },
  );
};

const isBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.authorization === undefined && /\btext\/html\b/.test(headers.accept ?? "");
