/** Heroku Platform API, "Release": the versions of what an app runs. A runner makes one when it deploys. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import { noMeaning, releaseUnknown } from "../../errors/platform.ts";
import type { Release } from "../../registry/platform/platform-records.ts";
import { type Platforms, releaseInForce } from "../../registry/platform/platforms.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, appOfConfig, managedAppOf } from "../auth.ts";
import {
  appPath,
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
import { requester, type TellApp } from "./platform-lines.ts";

type ReleasesDeps = { readonly platforms: Platforms; readonly tellApp: TellApp };

const releaseReply = object({
  id: uuid,
  app: appRef,
  version: count,
  description: text,
  status: text,
  current: flag,
  user: object({ id: uuid, email: text }),
  addon_plan_names: arrayOf(text),
  output_stream_url: optionalText,
  slug: { ...object({}), nullable: true },
  created_at: time,
  updated_at: time,
});
const releasePath = object({
  app: { ...text, description: "name or id" },
  release: { ...text, description: "version or id" },
});
const tags = ["Dynos"];
type ReleaseRequest = { Params: { release: string } };
type Deploy = {
  readonly description?: string;
  readonly process_types?: Record<string, string>;
  readonly status?: "pending" | "succeeded";
  /** Set for a rollback. */
  readonly release?: string;
};

/** Reports a release in Heroku's words. */
export async function tellRelease(tellApp: TellApp, channel: ChannelId, release: Release): Promise<void> {
  const { description, version, user } = release;
  await tellApp(channel, `${description} by user ${user.email}`);
  await tellApp(channel, `Release v${version} created by user ${user.email}`);
}

const replyOf = ({ id, name }: AppRecord, release: Release, current: Release | undefined) => ({
  id: release.id,
  app: { id, name },
  version: release.version,
  description: release.description,
  status: release.status,
  current: release.id === current?.id,
  user: release.user,
  addon_plan_names: [],
  output_stream_url: null,
  slug: null,
  created_at: release.createdAt,
  updated_at: release.createdAt,
});

export const releasesApi: FastifyPluginAsync<ReleasesDeps> = async (server, { platforms, tellApp }) => {
  const find = async (request: FastifyRequest<ReleaseRequest>) => {
    const app = appOf(request);
    const record = await platforms.get(app.id);
    const { release: wanted } = request.params;
    const version = wanted.replace(/^v(?=[0-9]+$)/, "");
    const release = record.releases.find((one) => one.id === wanted || String(one.version) === version);
    if (release === undefined) throw releaseUnknown(wanted);
    return { app, record, release };
  };

  server.get(
    "/apps/:app/releases",
    {
      schema: {
        tags,
        summary: "The newest releases of an app, the newest first where `Range` asks for `order=desc`",
        params: appPath,
        response: { 200: arrayOf(releaseReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      const record = await platforms.get(app.id);
      const current = releaseInForce(record);
      const replies = record.releases.map((release) => replyOf(app, release, current));
      const range = String(request.headers.range ?? "");
      if (/\border=desc\b/.test(range)) replies.reverse();
      const max = Number(/\bmax=([0-9]{1,6})\b/.exec(range)?.[1] ?? replies.length);
      return replies.slice(0, max);
    },
  );

  server.get<ReleaseRequest>(
    "/apps/:app/releases/:release",
    {
      schema: {
        tags,
        summary: "A release",
        params: releasePath,
        response: { 200: releaseReply, ...failures },
      },
    },
    async (request) => {
      const { app, record, release } = await find(request);
      return replyOf(app, release, releaseInForce(record));
    },
  );

  server.get<ReleaseRequest>(
    "/apps/:app/releases/:release/config-vars",
    {
      schema: {
        tags,
        summary: "The config vars of the current release; those of older ones are not kept",
        params: releasePath,
        response: { 200: { type: "object", additionalProperties: text }, ...failures },
      },
    },
    async (request) => {
      const { record, release } = await find(request);
      appOfConfig(request);
      if (release.id !== releaseInForce(record)?.id)
        throw noMeaning("The config of an older release", "Only the values in force are kept.");
      return record.config;
    },
  );

  server.post<{ Body: Deploy }>(
    "/apps/:app/releases",
    {
      schema: {
        tags,
        summary: "Deploy: a runner tells the process types of its Procfile",
        params: appPath,
        body: bodyOf({
          description: { ...text, maxLength: 200 },
          process_types: { type: "object", additionalProperties: text },
          status: { type: "string", enum: ["pending", "succeeded"] },
          release: text,
        }),
        response: { 201: releaseReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = managedAppOf(request);
      const { description = "Deploy", process_types: commands, status, release: old } = request.body;
      if (commands === undefined || old !== undefined)
        throw noMeaning("A rollback", "Check the older version out and run `tailrace up` again.");
      const deploy = { commands, description, isPending: status === "pending" };
      const release = await platforms.deploy(app.id, deploy, requester(request));
      await tellRelease(tellApp, app.id, release);
      return reply.code(201).send(replyOf(app, release, releaseInForce(await platforms.get(app.id))));
    },
  );

  server.patch<ReleaseRequest & { Body: { status: "succeeded" | "failed" } }>(
    "/apps/:app/releases/:release",
    {
      schema: {
        tags,
        summary: "How the `release:` line of a pending release ended",
        params: releasePath,
        body: bodyOf({ status: { type: "string", enum: ["succeeded", "failed"] } }, ["status"]),
        response: { 200: releaseReply, ...failures },
      },
    },
    async (request) => {
      const { release } = await find(request);
      const app = managedAppOf(request);
      const finished = await platforms.finish(app.id, release.version, request.body.status);
      if (finished.status === "failed") await tellApp(app.id, `Release v${finished.version} command failed`);
      return replyOf(app, finished, releaseInForce(await platforms.get(app.id)));
    },
  );
};
