/** Heroku Platform API, "Formation": how many dynos of which process type are wanted. */
import { createHash } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import { processTypeUnknown } from "../../errors/platform.ts";
import { type FormationUpdate, formationText } from "../../registry/platform/formation.ts";
import type { FormationEntry } from "../../registry/platform/platform-records.ts";
import type { Platforms } from "../../registry/platform/platforms.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, managedAppOf } from "../auth.ts";
import { appPath, appRef, arrayOf, bodyOf, count, failures, object, text, time, uuid } from "../schemas.ts";
import { requester, type TellApp } from "./platform-lines.ts";

type FormationDeps = { readonly platforms: Platforms; readonly tellApp: TellApp };

const formationReply = object({
  id: uuid,
  app: appRef,
  type: text,
  command: text,
  quantity: count,
  size: text,
  created_at: time,
  updated_at: time,
});
const changes = {
  quantity: { description: "a number, or `+1` and `-1`" },
  size: { description: "as `Standard-2X`: its quota of memory" },
};
const typePath = object({ app: { ...text, description: "name or id" }, type: text });
const tags = ["Dynos"];

/** A stable id, since entries have none of their own. */
export function derivedId(...parts: readonly string[]): string {
  const hex = createHash("sha256").update(parts.join("/")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const replyOf = ({ id, name, createdAt }: AppRecord, { type, command, quantity, size }: FormationEntry) => ({
  id: derivedId(id, type),
  app: { id, name },
  type,
  command,
  quantity,
  size,
  created_at: createdAt,
  updated_at: createdAt,
});

export const formationApi: FastifyPluginAsync<FormationDeps> = async (server, { platforms, tellApp }) => {
  const scale = async (app: AppRecord, updates: readonly FormationUpdate[], user: string) => {
    const formation = await platforms.scale(app.id, updates);
    await tellApp(app.id, `Scaled to ${formationText(formation)} by user ${user}`);
    return formation.map((entry) => replyOf(app, entry));
  };

  server.get(
    "/apps/:app/formation",
    {
      schema: {
        tags,
        summary: "The dynos that are wanted of each process type",
        params: appPath,
        response: { 200: arrayOf(formationReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      return (await platforms.get(app.id)).formation.map((entry) => replyOf(app, entry));
    },
  );

  server.patch<{ Body: { updates: readonly FormationUpdate[] } }>(
    "/apps/:app/formation",
    {
      schema: {
        tags,
        summary: "Scale several process types",
        params: appPath,
        body: bodyOf({ updates: arrayOf(bodyOf({ type: text, ...changes }, ["type"])) }, ["updates"]),
        response: { 200: arrayOf(formationReply), ...failures },
      },
    },
    async (request) => scale(managedAppOf(request), request.body.updates, requester(request).email),
  );

  server.get<{ Params: { type: string } }>(
    "/apps/:app/formation/:type",
    {
      schema: {
        tags,
        summary: "The dynos that are wanted of a process type",
        params: typePath,
        response: { 200: formationReply, ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      const { type } = request.params;
      const { formation } = await platforms.get(app.id);
      const entry = formation.find((one) => one.type === type);
      if (entry === undefined) throw processTypeUnknown(type, formation);
      return replyOf(app, entry);
    },
  );

  server.patch<{ Params: { type: string }; Body: Omit<FormationUpdate, "type"> }>(
    "/apps/:app/formation/:type",
    {
      schema: {
        tags,
        summary: "Scale a process type",
        params: typePath,
        body: bodyOf(changes),
        response: { 200: formationReply, ...failures },
      },
    },
    async (request) => {
      const app = managedAppOf(request);
      const { type } = request.params;
      const { email } = requester(request);
      const formation = await scale(app, [{ ...request.body, type }], email);
      return formation.find((entry) => entry.type === type);
    },
  );
};
