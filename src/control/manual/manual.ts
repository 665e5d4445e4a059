/** The manual at `/docs/manual`: no file is opened for a request, and nothing of a page comes from elsewhere. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { pathNotFound } from "../../errors/access.ts";
import { sharedAnswer } from "../shared-answer.ts";
import { makeManual, manualPrefix } from "./pages.ts";

const headers = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** The routes. */
export const manualPages: FastifyPluginAsync = async (server) => {
  const pages = sharedAnswer(() => makeManual(), Number.POSITIVE_INFINITY);
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    const page = (await pages()).get(request.url.split("?", 1)[0]!);
    if (page === undefined) throw pathNotFound();
    return reply.headers({ ...headers, "content-type": page.type }).send(page.body);
  };
  server.addHook("onListen", async () => {
    await pages(); // no request waits for it
  });
  for (const url of [manualPrefix, `${manualPrefix}/*`]) server.get(url, { schema: { hide: true } }, send);
};
