/** Heroku Platform API, "OAuth Authorization": API keys, with the additional fields `apps` and `read_only`. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import { notFound } from "../../errors/access.ts";
import { paramsInvalid } from "../../errors/api.ts";
import type { Clock } from "../../ports.ts";
import type { Apps } from "../../registry/apps.ts";
import { expiryMsOf, type Keys } from "../../registry/keys.ts";
import type { KeyRecord } from "../../registry/records.ts";
import { appToSee, managesAll, principalOf } from "../auth.ts";
import { refuseUnknown } from "../bodies.ts";
import {
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
import { userOf } from "./account.ts";
import { type AppsById, allAuthorizations } from "./all-authorizations.ts";

const appsOfKeyMax = 1_000;
const descriptionCharsMax = 200;
/** 100 years. */
const lifeSecondsMax = 3_155_760_000;
const tags = ["Account"];
const absent = { ...object({}), nullable: true };

const authorizationReply = object({
  id: uuid,
  description: text,
  scope: arrayOf(text),
  apps: { ...arrayOf(appRef), nullable: true, description: "null: all apps" },
  read_only: flag,
  access_token: object(
    {
      id: uuid,
      token: { ...text, description: "the key itself: only in the answer that made it" },
      expires_in: { ...count, nullable: true },
    },
    { optional: ["token"] },
  ),
  client: absent,
  grant: absent,
  refresh_token: absent,
  session: absent,
  user: object({ id: uuid, email: text, full_name: optionalText }),
  created_at: time,
  updated_at: time,
});

const keyPath = object({ key: { ...uuid, description: "id of the key" } });

const appNames = (leftOut: string) => ({
  ...arrayOf(text),
  nullable: true,
  minItems: 1,
  maxItems: appsOfKeyMax,
  description: `names or ids of the only apps that it may see; ${leftOut}`,
});
const description = { ...optionalText, maxLength: descriptionCharsMax };
const readOnly = { ...flag, nullable: true };
const expiresIn = (leftOut: string) => ({
  type: "integer",
  nullable: true,
  minimum: 1,
  maximum: lifeSecondsMax,
  description: `seconds from now, after which it is nobody's; ${leftOut}`,
});

type Body = {
  readonly description?: string | null;
  readonly apps?: readonly string[] | null;
  readonly read_only?: boolean | null;
  readonly expires_in?: number | null;
};

type AuthorizationsDeps = { readonly apps: Apps; readonly keys: Keys; readonly clock: Clock };

// A field that is misspelt or unknown here (Heroku's `scope`) would make a key that may do more than was meant.
const keyBody = bodyOf({
  description,
  apps: appNames("left out: all"),
  read_only: readOnly,
  expires_in: expiresIn("left out: never"),
});
const keyChangesBody = bodyOf({
  description,
  apps: appNames("null: all; left out: as it is"),
  read_only: readOnly,
  expires_in: expiresIn("null: never; left out: as it is"),
});

export const authorizationsApi: FastifyPluginAsync<AuthorizationsDeps> = async (server, deps) => {
  const { keys, clock } = deps;
  const show = async (record: KeyRecord, secret?: string) =>
    replyOf(record, await appsOf(deps.apps, record), { nowMs: clock.nowMs(), secret });
  const all = allAuthorizations(deps, (record, named) => replyOf(record, named, { nowMs: clock.nowMs() }));
  server.addHook("onRequest", managesAll);

  server.get(
    "/oauth/authorizations",
    {
      schema: { tags, summary: "All API keys", response: { 200: arrayOf(authorizationReply), ...failures } },
    },
    async (_, reply) => reply.type("application/json; charset=utf-8").send(await all()),
  );

  server.post<{ Body: Body }>(
    "/oauth/authorizations",
    {
      schema: {
        tags,
        summary: "Make an API key; it is in the answer and shown once",
        body: keyBody,
        response: { 201: authorizationReply, ...failures },
      },
    },
    async (request, reply) => {
      refuseUnknown(request.body, "", Object.keys(keyBody.properties));
      const { description, read_only: readOnly, expires_in: seconds } = request.body;
      const { secret, record } = await keys.create({
        apps: (await appsIn(request)) ?? "all",
        readOnly: readOnly ?? false,
        description: description ?? "",
        ...(seconds != null && { lifeMs: seconds * 1000 }),
      });
      return reply.code(201).send(await show(record, secret));
    },
  );

  server.get<{ Params: { key: string } }>(
    "/oauth/authorizations/:key",
    {
      schema: {
        tags,
        summary: "An API key",
        params: keyPath,
        response: { 200: authorizationReply, ...failures },
      },
    },
    async (request) => {
      const record = await keys.get(request.params.key);
      if (record === undefined) throw notFound("key", request.params.key);
      return show(record);
    },
  );

  server.patch<{ Params: { key: string }; Body: Body }>(
    "/oauth/authorizations/:key",
    {
      schema: {
        tags,
        summary: "Change what an API key may do; what it may not do any more ends at once",
        params: keyPath,
        body: keyChangesBody,
        response: { 200: authorizationReply, ...failures },
      },
    },
    async (request) => {
      refuseUnknown(request.body, "", Object.keys(keyChangesBody.properties));
      const { description, read_only: readOnly, apps, expires_in: seconds } = request.body;
      const record = await keys.update(request.params.key, {
        ...(description != null && { description }),
        ...(readOnly != null && { readOnly }),
        ...(apps !== undefined && { apps: (await appsIn(request)) ?? "all" }),
        ...(seconds !== undefined && { lifeMs: seconds === null ? null : seconds * 1000 }),
      });
      return show(record);
    },
  );

  server.delete<{ Params: { key: string } }>(
    "/oauth/authorizations/:key",
    {
      schema: {
        tags,
        summary: "Revoke an API key; the answer is the key that was",
        params: keyPath,
        response: { 200: authorizationReply, ...failures },
      },
    },
    async (request) => {
      const record = await keys.revoke(request.params.key);
      if (record === undefined) throw notFound("key", request.params.key);
      return show(record);
    },
  );

  // Undefined for null, and if the body names no apps.
  const appsIn = async (request: FastifyRequest<{ Body: Body }>): Promise<ChannelId[] | undefined> => {
    const { apps: names } = request.body;
    if (names == null) return undefined;
    if (names.length === 0) throw paramsInvalid("`apps` is empty");
    const principal = principalOf(request);
    const seen = await Promise.all(names.map((name) => appToSee(deps.apps, principal, name)));
    return [...new Set(seen.map(({ id }) => id))];
  };
};

/** The apps that a key is limited to. Those that are gone are left out. */
async function appsOf(apps: Apps, { apps: ids }: KeyRecord): Promise<AppsById> {
  const found = ids === "all" ? [] : await Promise.all(ids.map((id) => apps.get(id)));
  return new Map(found.filter((app) => app !== undefined).map(({ id, name }) => [id, { id, name }]));
}

function replyOf(
  record: KeyRecord,
  named: AppsById,
  { nowMs, secret }: { nowMs: number; secret?: string | undefined },
) {
  const expiryMs = expiryMsOf(record);
  return {
    id: record.id,
    description: record.description,
    scope: [record.readOnly ? "read" : "global"],
    apps:
      record.apps === "all"
        ? null
        : record.apps.map((id) => named.get(id)).filter((app) => app !== undefined),
    read_only: record.readOnly,
    access_token: {
      id: record.id,
      ...(secret !== undefined && { token: secret }),
      expires_in: Number.isFinite(expiryMs) ? Math.max(0, Math.ceil((expiryMs - nowMs) / 1000)) : null,
    },
    client: null,
    grant: null,
    refresh_token: null,
    session: null,
    user: { ...userOf({ keyId: record.id }), full_name: null },
    created_at: record.createdAt,
    updated_at: record.updatedAt ?? record.createdAt,
  };
}
