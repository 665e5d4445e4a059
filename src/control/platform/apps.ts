/** Heroku Platform API, "App". Routes only translate; `Apps` holds the rules. */
import type { FastifyPluginAsync } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Principal } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, managedAppOf, managesAll, principalOf } from "../auth.ts";
import {
  appPath,
  arrayOf,
  bodyOf,
  count,
  failures,
  flag,
  object,
  optionalText,
  optionalTime,
  text,
  time,
  uuid,
} from "../schemas.ts";
import { operatorUser } from "./account.ts";

const named = object({ id: uuid, name: text });
const nothing = { ...object({}), nullable: true };

const appReply = object({
  id: uuid,
  name: text,
  generation: named,
  owner: object({ id: uuid, email: text }),
  region: named,
  stack: named,
  build_stack: named,
  web_url: optionalText,
  git_url: text,
  acm: flag,
  maintenance: flag,
  archived_at: optionalTime,
  create_status: text,
  repo_size: count,
  slug_size: count,
  space: nothing,
  team: nothing,
  organization: nothing,
  internal_routing: { ...flag, nullable: true },
  created_at: time,
  updated_at: time,
  released_at: optionalTime,
});

// Heroku's clients read these fields. The generation is always cedar: docs/spec/apis.md#p2-2.
const platform = {
  generation: { id: "00000000-0000-4000-8000-000000000001", name: "cedar" },
  owner: operatorUser,
  region: { id: "00000000-0000-4000-8000-000000000002", name: "here" },
  stack: { id: "00000000-0000-4000-8000-000000000003", name: "none" },
  build_stack: { id: "00000000-0000-4000-8000-000000000003", name: "none" },
  web_url: null,
  git_url: "",
  acm: false,
  maintenance: false,
  archived_at: null,
  create_status: "complete",
  repo_size: 0,
  slug_size: 0,
  space: null,
  team: null,
  organization: null,
  internal_routing: null,
  released_at: null,
};

const replyOf = ({ id, name, createdAt, updatedAt }: AppRecord) => ({
  ...platform,
  id,
  name,
  created_at: createdAt,
  updated_at: updatedAt,
});

/** The apps that this key may see, by name. */
async function appsOf(apps: Apps, principal: Principal): Promise<AppRecord[]> {
  if (principal.apps === "all") return apps.list();
  const found = await Promise.all([...principal.apps].map((id: ChannelId) => apps.get(id)));
  return found.filter((app) => app !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const appsApi: FastifyPluginAsync<{ apps: Apps }> = async (server, { apps }) => {
  for (const path of ["/apps", "/users/~/apps"]) {
    server.get(
      path,
      {
        schema: {
          tags: ["Apps"],
          summary: "The apps that this key may see",
          response: { 200: arrayOf(appReply), ...failures },
        },
      },
      async (request) => (await appsOf(apps, principalOf(request))).map(replyOf),
    );
  }

  server.post<{ Body: { name?: string | null } }>(
    "/apps",
    {
      onRequest: managesAll,
      schema: {
        tags: ["Apps"],
        summary: "Make an app",
        body: bodyOf({
          name: { ...optionalText, description: "1 to 63 of a-z, 0-9, -; left out: one is made" },
        }),
        response: { 201: appReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = await apps.create(request.body.name ?? undefined);
      return reply.code(201).send(replyOf(app));
    },
  );

  server.get(
    "/apps/:app",
    {
      schema: {
        tags: ["Apps"],
        summary: "An app",
        params: appPath,
        response: { 200: appReply, ...failures },
      },
    },
    async (request) => replyOf(appOf(request)),
  );

  server.delete(
    "/apps/:app",
    {
      schema: {
        tags: ["Apps"],
        summary: "Destroy an app, its log, its tokens and its drains",
        params: appPath,
        response: { 200: appReply, ...failures },
      },
    },
    async (request) => {
      const app = managedAppOf(request);
      await apps.destroy(app.id);
      return replyOf(app);
    },
  );

  server.get(
    "/apps/:app/collaborators",
    {
      schema: {
        tags: ["Apps"],
        summary: "Always empty: keys say who may see an app",
        params: appPath,
        response: { 200: arrayOf(object({})), ...failures },
      },
    },
    async () => [],
  );
};
