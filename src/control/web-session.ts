/** Signs in to the page, and out. Everything else that the page does is the same API that everybody uses. */
import type { Socket } from "node:net";
import type { FastifyPluginAsync } from "fastify";
import { signInRefused } from "../errors/web.ts";
import { signInLimits } from "../limits.ts";
import type { Clock } from "../ports.ts";
import { operatorKeyId } from "../registry/keys.ts";
import type { Principal } from "../registry/principal.ts";
import { webSessionMs } from "../registry/web-sessions.ts";
import { type BodyDeps, readBodies } from "./bodies.ts";
import {
  type BrowserDeps,
  cookieOf,
  isSecure,
  refuseForeignHost,
  refuseForeignSite,
  secretInCookie,
} from "./browser.ts";
import { bodyOf, failures, flag, object, optionalTime, text, uuid } from "./schemas.ts";
import { SignInTries } from "./sign-in-tries.ts";

type WebSessionDeps = BrowserDeps &
  BodyDeps & { readonly clock: Clock; readonly addressOf: (socket: Socket) => string };

const path = "/web/session";
const keyCharsMax = 1_000;
const open = { tags: ["Account"], security: [] };
const sessionReply = object({
  signed_in: flag,
  key: { ...object({ id: uuid, operator: flag, all_apps: flag, read_only: flag }), nullable: true },
  expires_at: { ...optionalTime, description: "12 hours after the sign-in" },
});
const nobody = { signed_in: false, key: null, expires_at: null };

export const webSessionApi: FastifyPluginAsync<WebSessionDeps> = async (server, deps) => {
  const { webSessions, publicUrl, clock, addressOf } = deps;
  const tries = new SignInTries(clock, signInLimits);
  server.addHook("onRequest", async (request, reply) => {
    reply.header("cache-control", "no-store");
    refuseForeignHost(request, publicUrl);
    refuseForeignSite(request);
  });
  readBodies(server, deps);

  server.get(
    path,
    {
      schema: {
        ...open,
        summary: "Who is signed in in this browser?",
        response: { 200: sessionReply, ...failures },
      },
    },
    async (request) => {
      const secret = secretInCookie(request, publicUrl);
      const found = secret === undefined ? undefined : await webSessions.find(secret);
      return found === undefined ? nobody : replyOf(found.principal, found.expiresAt);
    },
  );

  server.post<{ Body: { key: string } }>(
    path,
    {
      schema: {
        ...open,
        summary: "Sign a browser in with an API key: sets a cookie, which no script can read",
        body: bodyOf({ key: { ...text, maxLength: keyCharsMax } }, ["key"]),
        response: { 201: sessionReply, ...failures },
      },
    },
    async (request, reply) => {
      const key = request.body.key.trim();
      const signedIn = await tries.try(addressOf(request.socket), () => webSessions.open(key));
      if (signedIn === undefined) throw signInRefused();
      const secure = isSecure(request, publicUrl);
      reply.header("set-cookie", cookieOf(signedIn.secret, { secure, maxAgeS: webSessionMs / 1000 }));
      return reply.code(201).send(replyOf(signedIn.principal, signedIn.expiresAt));
    },
  );

  server.delete(
    path,
    { schema: { ...open, summary: "Sign this browser out", response: { 200: sessionReply, ...failures } } },
    async (request, reply) => {
      const secret = secretInCookie(request, publicUrl);
      if (secret !== undefined) await webSessions.close(secret);
      reply.header("set-cookie", cookieOf("", { secure: isSecure(request, publicUrl), maxAgeS: 0 }));
      return nobody;
    },
  );
};

const replyOf = ({ keyId, apps, readOnly }: Principal, expiresAt: string) => ({
  signed_in: true,
  key: { id: keyId, operator: keyId === operatorKeyId, all_apps: apps === "all", read_only: readOnly },
  expires_at: expiresAt,
});
