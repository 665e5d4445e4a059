/** Heroku Platform API, "Account": the user that a key stands for. Here are no people, only keys. */
import type { FastifyPluginAsync } from "fastify";
import { operatorKeyId } from "../../registry/keys.ts";
import type { Principal } from "../../registry/principal.ts";
import { principalOf } from "../auth.ts";
import { count, failures, flag, object, optionalText, text, time, uuid } from "../schemas.ts";

/** The date of things that have none of their own. */
const since = "2026-01-01T00:00:00Z";
const rateLimit = 4_500;

/** The owner of every app, since clients expect one. */
export const operatorUser = { id: operatorKeyId, email: "operator@localhost" };

/** The user that stands for a key. */
export const userOf = ({ keyId }: Pick<Principal, "keyId">): { id: string; email: string } =>
  keyId === operatorKeyId ? operatorUser : { id: keyId, email: `key-${keyId.slice(0, 8)}@localhost` };

const accountReply = object({
  id: uuid,
  email: text,
  name: optionalText,
  verified: flag,
  two_factor_authentication: flag,
  created_at: time,
  updated_at: time,
});

export const accountApi: FastifyPluginAsync = async (server) => {
  server.get(
    "/account",
    {
      schema: {
        tags: ["Account"],
        summary: "Whose key is this?",
        response: { 200: accountReply, ...failures },
      },
    },
    async (request) => ({
      ...userOf(principalOf(request)),
      name: null,
      verified: true,
      two_factor_authentication: false,
      created_at: since,
      updated_at: since,
    }),
  );

  server.get(
    "/account/rate-limits",
    {
      schema: {
        tags: ["Account"],
        summary: "Calls left: there is no limit, so always the same",
        response: { 200: object({ remaining: count }), ...failures },
      },
    },
    async () => ({ remaining: rateLimit }),
  );
};
