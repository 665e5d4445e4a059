/** Heroku Platform API, "App". Routes only translate; `Apps` holds the rules. */
import type { FastifyPluginAsync } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import { noMeaning } from "../../errors/platform.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Principal } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, managedAppOf, managesAll, principalOf } from "../auth.ts";
import { appPath, arrayOf, bodyOf, failures, flag, object, optionalText } from "../schemas.ts";
import { sendShared } from "../shared-json.ts";
import { appReply, platform, replyOf } from "./app-reply.ts";

/** The apps that this key may see, by name. */
async function appsOf(apps: Apps, principal: Principal): Promise<readonly AppRecord[]> {
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
      async (request, reply) => {
        const found = await appsOf(apps, principalOf(request));
        return sendShared(reply, found, () => found.map(replyOf));
      },
    );
  }

  server.post<{ Body: { name?: string | null; generation?: "cedar" | "fir" | null } }>(
    "/apps",
    {
      onRequest: managesAll,
      schema: {
        tags: ["Apps"],
        summary: "Make an app",
        body: bodyOf({
          name: { ...optionalText, description: "1 to 63 of a-z, 0-9, -; left out: one is made" },
          generation: {
            ...optionalText,
            enum: ["cedar", "fir", null],
            description: "what Heroku's tools take it for; left out: cedar",
          },
        }),
        response: { 201: appReply, ...failures },
      },
    },
    async (request, reply) => {
      const { name, generation } = request.body;
      const app = await apps.create(name ?? undefined, undefined, generation === "fir" ? "fir" : undefined);
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

  server.patch<{ Body: Changes }>(
    "/apps/:app",
    {
      schema: {
        tags: ["Apps"],
        summary: "Nothing of an app can be changed: what asks for it as it is gets it",
        params: appPath,
        body: bodyOf({
          name: optionalText,
          build_stack: optionalText,
          maintenance: { ...flag, nullable: true },
        }),
        response: { 200: appReply, ...failures },
      },
    },
    async (request) => {
      const app = managedAppOf(request);
      refuseChanges(app, request.body);
      return replyOf(app);
    },
  );

  for (const [path, why] of alwaysEmpty) {
    server.get(
      path,
      {
        schema: {
          tags: ["Apps"],
          summary: `Always empty: ${why}`,
          params: appPath,
          response: { 200: arrayOf(object({})), ...failures },
        },
      },
      async () => [],
    );
  }
};

/** Clients need an answer to continue, and these lists are always empty here. */
const alwaysEmpty = [
  ["/apps/:app/collaborators", "keys say who may see an app"],
  ["/apps/:app/buildpack-installations", "`tailrace up` builds what the folder asks for"],
] as const;

type Changes = {
  readonly name?: string | null;
  readonly build_stack?: string | null;
  readonly maintenance?: boolean | null;
};

/** Terraform sends a change of an app before each change of its config vars, even if it changes nothing. */
function refuseChanges(app: AppRecord, { name, build_stack: stack, maintenance }: Changes): void {
  if (name != null && name !== app.name) throw noMeaning("Renaming an app", "An app keeps its name.");
  if (stack != null && stack !== platform.stack.name)
    throw noMeaning("The stack of an app", "`tailrace up` runs it on the system that it is on.");
  if (maintenance)
    throw noMeaning(
      "The maintenance mode of an app",
      `\`tailrace scale web=0 -a ${app.name}\` takes it offline.`,
    );
}
