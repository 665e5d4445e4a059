/**
 * `POST /oauth/token`: an add-on provider exchanges the code of its provision request for tokens, and renews them (RFC
 * 6749, 4.1.3 and 6; Heroku has it at id.heroku.com). The client secret in the body authenticates the provider.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import { accessSeconds } from "../../addons/grants.ts";
import { oauthRefused } from "../../errors/addons.ts";
import { paramsInvalid, requestRefused } from "../../errors/api.ts";
import { type BodyDeps, textOf } from "../bodies.ts";
import { tags } from "../platform/addon-reply.ts";
import { count, failures, object, text } from "../schemas.ts";

const tokenReply = object({ access_token: text, token_type: text, expires_in: count, refresh_token: text });

/** A form is taken apart at one go, and its fields are a few hundred characters. */
const formCharsMax = 16_384;

export const addonOauth: FastifyPluginAsync<BodyDeps & { readonly addons: Addons }> = async (
  server,
  deps,
) => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", async (request: FastifyRequest) => {
    const text = await textOf(request, deps);
    if (text.length > formCharsMax)
      throw requestRefused(413, `its body has more than ${formCharsMax} characters`);
    return fieldsIn(text);
  });

  server.post<{ Body: Fields }>(
    "/oauth/token",
    {
      schema: {
        tags,
        summary: "A provider: tokens for the code of a provision request, or for a refresh token",
        description:
          "A form or JSON: `grant_type` (`authorization_code`, `refresh_token`), `code` or `refresh_token`, `client_secret`.",
        response: { 200: tokenReply, ...failures },
      },
    },
    async (request, reply) => {
      const fields = request.body ?? {};
      const { client_secret: clientSecret = "" } = fields;
      if (clientSecret === "") throw oauthRefused();
      const { access, refresh } = await tokensFor(deps.addons, fields, clientSecret);
      return reply.header("cache-control", "no-store").send({
        access_token: access,
        token_type: "Bearer",
        expires_in: accessSeconds,
        refresh_token: refresh,
      });
    },
  );
};

type Fields = Readonly<Partial<Record<string, string>>>;

function tokensFor({ grants }: Addons, fields: Fields, clientSecret: string) {
  const { grant_type: kind, code, refresh_token: token } = fields;
  if (kind === "authorization_code" && code !== undefined) return grants.exchange(code, clientSecret);
  if (kind === "refresh_token" && token !== undefined) return grants.refresh(token, clientSecret);
  throw paramsInvalid("`grant_type` is not `authorization_code` with `code`, or `refresh_token` with it");
}

/** The text values in a form or a JSON object; empty for anything else. */
function fieldsIn(body: string): Fields {
  if (!body.trimStart().startsWith("{")) return Object.fromEntries(new URLSearchParams(body));
  try {
    const given = Object.entries(JSON.parse(body) as Record<string, unknown>);
    return Object.fromEntries(
      given.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}
