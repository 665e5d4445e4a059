/** Heroku Platform API, "Dyno": what runs now, and orders for its runner. */
import type { FastifyPluginAsync } from "fastify";
import { isUuid } from "../../core/ids.ts";
import { reportLimits } from "../../core/records/runner-report.ts";
import {
  attachedRun,
  configInvalid,
  dynoUnknown,
  formationInvalid,
  processTypeUnknown,
} from "../../errors/platform.ts";
import { configAfter } from "../../registry/platform/config-vars.ts";
import { defaultSize, sizeNamed } from "../../registry/platform/dyno-sizes.ts";
import { formationLimits } from "../../registry/platform/formation.ts";
import type { DynoReport } from "../../registry/platform/platform-records.ts";
import { type Platforms, releaseInForce } from "../../registry/platform/platforms.ts";
import type { Runners } from "../../registry/platform/runners.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, managedAppOf } from "../auth.ts";
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
import { derivedId } from "./formation.ts";
import { requester, type TellApp } from "./platform-lines.ts";

type DynosDeps = {
  readonly platforms: Platforms;
  readonly runners: Runners;
  readonly tellApp: TellApp;
};

const dynoReply = object({
  id: uuid,
  app: appRef,
  name: text,
  type: text,
  state: text,
  size: text,
  command: text,
  attach_url: optionalText,
  release: object({ id: uuid, version: count }),
  created_at: time,
  updated_at: time,
});
const nothing = object({});
const dynoPath = object({ app: { ...text, description: "name or id" }, dyno: text });
const typePath = object({ app: { ...text, description: "name or id" }, type: text });
const tags = ["Dynos"];
type DynoRequest = { Params: { dyno: string } };
type TypeRequest = { Params: { type: string } };
type Run = {
  readonly command: string;
  readonly attach?: boolean | null;
  readonly env?: Record<string, unknown> | null;
  readonly size?: string | null;
};

const replyOf = ({ id, name }: AppRecord, dyno: DynoReport) => ({
  id: dyno.id,
  app: { id, name },
  name: dyno.name,
  type: dyno.type,
  state: dyno.state,
  size: dyno.size,
  command: dyno.command,
  attach_url: null,
  release: { id: derivedId(id, "release", String(dyno.release)), version: dyno.release },
  created_at: dyno.createdAt,
  updated_at: dyno.updatedAt,
});

export const dynosApi: FastifyPluginAsync<DynosDeps> = async (server, { platforms, runners, tellApp }) => {
  const order = async (app: AppRecord, kind: "restart" | "stop", target?: string) => {
    await runners.need(app.id);
    await platforms.order(app.id, { kind, ...(target !== undefined && { target }) });
    return {};
  };
  const ofDyno = async (app: AppRecord, name: string): Promise<DynoReport> => {
    const dyno = (await runners.need(app.id)).dynos.find((one) => one.name === name || one.id === name);
    if (dyno === undefined) throw dynoUnknown(name);
    return dyno;
  };
  const ofType = async (app: AppRecord, type: string): Promise<string> => {
    const { dynos } = await runners.need(app.id);
    const { formation } = await platforms.get(app.id);
    if ([...dynos, ...formation].some((one) => one.type === type)) return type;
    throw processTypeUnknown(type, formation);
  };
  /** `heroku ps:restart worker` sends a process type in place of a dyno. */
  const ofEither = async (app: AppRecord, wanted: string): Promise<string> => {
    const isName = wanted.includes(".") || isUuid(wanted);
    return isName ? (await ofDyno(app, wanted)).name : ofType(app, wanted);
  };

  server.get(
    "/apps/:app/dynos",
    {
      schema: {
        tags,
        summary: "The dynos that run now",
        params: appPath,
        response: { 200: arrayOf(dynoReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      return (await runners.dynos(app.id)).map((dyno) => replyOf(app, dyno));
    },
  );

  server.get<DynoRequest>(
    "/apps/:app/dynos/:dyno",
    { schema: { tags, summary: "A dyno", params: dynoPath, response: { 200: dynoReply, ...failures } } },
    async (request) => {
      const app = appOf(request);
      return replyOf(app, await ofDyno(app, request.params.dyno));
    },
  );

  server.post<{ Body: Run }>(
    "/apps/:app/dynos",
    {
      schema: {
        tags,
        summary: "Run a command as a one-off dyno, detached: its output is in the log",
        params: appPath,
        body: bodyOf(
          {
            command: { ...text, minLength: 1, maxLength: formationLimits.commandCharsMax },
            attach: { ...flag, nullable: true },
            env: { type: "object", nullable: true },
            size: optionalText,
          },
          ["command"],
        ),
        response: { 201: dynoReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = managedAppOf(request);
      const { command, attach, env, size: wanted } = request.body;
      if (attach === true) throw attachedRun();
      const size = wanted ? sizeNamed(wanted) : defaultSize;
      if (size === undefined) throw formationInvalid(`there is no size "${wanted!.slice(0, 30)}"`);
      if (Object.values(env ?? {}).includes(null)) throw configInvalid("a value of `env` is null");
      if ((await runners.need(app.id)).dynos.length >= reportLimits.dynosMax)
        throw formationInvalid(`an app has ${reportLimits.dynosMax} dynos at most, one-off dynos among them`);
      const dyno = platforms.oneOffName();
      const made = await platforms.order(app.id, {
        kind: "run",
        dyno,
        command,
        size,
        env: configAfter({}, env ?? {}),
      });
      const at = new Date(made.atMs).toISOString();
      await tellApp(
        app.id,
        `Starting process with command \`${command}\` by user ${requester(request).email}`,
      );
      const release = releaseInForce(await platforms.get(app.id))?.version ?? 0;
      const id = derivedId(app.id, "order", String(made.number));
      const state = "starting" as const;
      const report = {
        id,
        name: dyno,
        type: "run",
        state,
        command,
        size,
        release,
        createdAt: at,
        updatedAt: at,
      };
      return reply.code(201).send(replyOf(app, report));
    },
  );

  const accepted = { 202: nothing, ...failures };

  server.delete(
    "/apps/:app/dynos",
    { schema: { tags, summary: "Restart all dynos", params: appPath, response: accepted } },
    async (request, reply) => reply.code(202).send(await order(managedAppOf(request), "restart")),
  );
  server.delete<DynoRequest>(
    "/apps/:app/dynos/:dyno",
    { schema: { tags, summary: "Restart a dyno, or those of a type", params: dynoPath, response: accepted } },
    async (request, reply) => {
      const app = managedAppOf(request);
      return reply.code(202).send(await order(app, "restart", await ofEither(app, request.params.dyno)));
    },
  );
  server.delete<TypeRequest>(
    "/apps/:app/formations/:type",
    {
      schema: { tags, summary: "Restart the dynos of a process type", params: typePath, response: accepted },
    },
    async (request, reply) => {
      const app = managedAppOf(request);
      return reply.code(202).send(await order(app, "restart", await ofType(app, request.params.type)));
    },
  );
  server.post<DynoRequest>(
    "/apps/:app/dynos/:dyno/actions/stop",
    { schema: { tags, summary: "Stop a dyno, or those of a type", params: dynoPath, response: accepted } },
    async (request, reply) => {
      const app = managedAppOf(request);
      return reply.code(202).send(await order(app, "stop", await ofEither(app, request.params.dyno)));
    },
  );
  server.post<TypeRequest>(
    "/apps/:app/formations/:type/actions/stop",
    { schema: { tags, summary: "Stop the dynos of a process type", params: typePath, response: accepted } },
    async (request, reply) => {
      const app = managedAppOf(request);
      return reply.code(202).send(await order(app, "stop", await ofType(app, request.params.type)));
    },
  );
};
