/** Heroku Platform API, "OAuth Authorization": API keys, with `apps` and `read_only` besides. */
import type { FastifyPluginAsync } from "fastify";
import { notFound, paramsInvalid } from "../../errors.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Keys } from "../../registry/keys.ts";
import type { KeyRecord } from "../../registry/records.ts";
import { appToSee, managesAll, principalOf } from "../auth.ts";
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

const appsOfKeyMax = 1_000;
const descriptionCharsMax = 200;
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

type Body = {
  readonly description?: string | null;
  readonly apps?: readonly string[] | null;
  readonly read_only?: boolean | null;
};

export const authorizationsApi: FastifyPluginAsync<{ apps: Apps; keys: Keys }> = async (server, deps) => {
  const { apps, keys } = deps;
  server.addHook("onRequest", managesAll);

  server.get(
    "/oauth/authorizations",
    {
      schema: { tags, summary: "All API keys", response: { 200: arrayOf(authorizationReply), ...failures } },
    },
    async () => {
      const records = await keys.list();
      return Promise.all(records.map((record) => replyOf(apps, record)));
    },
  );

  server.post<{ Body: Body }>(
    "/oauth/authorizations",
    {
      schema: {
        tags,
        summary: "Make an API key; it is in the answer and shown once",
        body: bodyOf({
          description: { ...optionalText, maxLength: descriptionCharsMax },
          apps: {
            ...arrayOf(text),
            nullable: true,
            minItems: 1,
            maxItems: appsOfKeyMax,
            description: "names or ids of the only apps that it may see; left out: all",
          },
          read_only: { ...flag, nullable: true },
        }),
        response: { 201: authorizationReply, ...failures },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const { description, apps: wanted, read_only: readOnly } = request.body;
      const seen = await Promise.all((wanted ?? []).map((name) => appToSee(apps, principal, name)));
      if (wanted != null && seen.length === 0) throw paramsInvalid("`apps` is empty");
      const { secret, record } = await keys.create({
        apps: wanted == null ? "all" : [...new Set(seen.map(({ id }) => id))],
        readOnly: readOnly ?? false,
        description: description ?? "",
      });
      return reply.code(201).send(await replyOf(apps, record, secret));
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
      const record = (await keys.list()).find(({ id }) => id === request.params.key);
      if (record === undefined) throw notFound("key");
      return replyOf(apps, record);
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
      if (record === undefined) throw notFound("key");
      return replyOf(apps, record);
    },
  );
};

// Apps that are gone are left out.
async function replyOf(apps: Apps, record: KeyRecord, secret?: string) {
  const limited = record.apps === "all" ? [] : await Promise.all(record.apps.map((id) => apps.get(id)));
  return {
    id: record.id,
    description: record.description,
    scope: [record.readOnly ? "read" : "global"],
    apps:
      record.apps === "all"
        ? null
        : limited.filter((app) => app !== undefined).map(({ id, name }) => ({ id, name })),
    read_only: record.readOnly,
    access_token: { id: record.id, ...(secret !== undefined && { token: secret }), expires_in: null },
    client: null,
    grant: null,
    refresh_token: null,
    session: null,
    user: { ...userOf({ keyId: record.id }), full_name: null },
    created_at: record.createdAt,
    updated_at: record.createdAt,
  };
}
