/** Heroku Platform API, "Config Vars". Values are secrets: only keys that manage the app see them. */
import type { FastifyPluginAsync } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import type { ConfigChanges } from "../../registry/platform/config-vars.ts";
import type { Platforms } from "../../registry/platform/platforms.ts";
import { appOfConfig, managedAppOf } from "../auth.ts";
import { appPath, failures, text } from "../schemas.ts";
import { requester, type TellApp } from "./platform-lines.ts";
import { tellRelease } from "./releases.ts";

type ConfigVarsDeps = {
  readonly platforms: Platforms;
  readonly addons: Pick<Addons, "refuseForeignConfig">;
  readonly tellApp: TellApp;
};

const vars = { type: "object", additionalProperties: text };
const tags = ["Dynos"];

export const configVarsApi: FastifyPluginAsync<ConfigVarsDeps> = async (
  server,
  { platforms, addons, tellApp },
) => {
  server.get(
    "/apps/:app/config-vars",
    {
      schema: {
        tags,
        summary: "The config vars of an app",
        params: appPath,
        response: { 200: vars, ...failures },
      },
    },
    async (request) => (await platforms.get(appOfConfig(request).id)).config,
  );

  server.patch<{ Body: ConfigChanges }>(
    "/apps/:app/config-vars",
    {
      schema: {
        tags,
        summary: "Set config vars, or take them away with null; a release, which restarts the dynos",
        params: appPath,
        body: { type: "object" },
        response: { 200: vars, ...failures },
      },
    },
    async (request) => {
      const { id } = managedAppOf(request);
      await addons.refuseForeignConfig(id, request.body);
      const release = await platforms.configure(id, request.body, requester(request));
      if (release !== undefined) await tellRelease(tellApp, id, release);
      return (await platforms.get(id)).config;
    },
  );
};
