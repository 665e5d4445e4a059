/**
 * Heroku Platform API, "Log Drain", and our additions (docs/spec/apis.md#p3-7). Routes only translate; `Drains` holds
 * the rules.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { DrainFieldsBody } from "../../core/records/drain-fields.ts";
import { notFound } from "../../errors/access.ts";
import { addonOwnsDrain } from "../../errors/addons.ts";
import { drainTestRefused, drainUnverified, paramsInvalid } from "../../errors/api.ts";
import type { Verdict } from "../../ports.ts";
import { unlessUnreadable } from "../../registry/checked-store.ts";
import type { DrainOptions } from "../../registry/drain-options.ts";
import type { Drains, NewDrain } from "../../registry/drains.ts";
import type { AppRecord, DrainRecord } from "../../registry/records.ts";
import { appOf, managedAppOf, principalOf } from "../auth.ts";
import { refuseUnknown } from "../bodies.ts";
import { appPath, arrayOf, failures, text } from "../schemas.ts";
import {
  type DrainRequest,
  drainPath,
  type Found,
  findingOf,
  registerDrainActions,
  type TestDrain,
  tags,
} from "./drain-actions.ts";
import { fieldsIn } from "./drain-fields.ts";
import { type HistoryOf, registerDrainHistory } from "./drain-history.ts";
import {
  drainChangesBody,
  drainReply,
  newDrainBody,
  removedDrainReply,
  replyOf,
  unreadableReplyOf,
} from "./drain-reply.ts";

type LogDrainsDeps = {
  readonly drains: Drains;
  readonly testDrain: TestDrain;
  /** Lag and pace of a drain that runs here, over the last hour. */
  readonly historyOf: HistoryOf;
  /** A drain's URL without its secrets, for keys that only read. */
  readonly redactUrl: (url: string) => string;
};

type Body = DrainFieldsBody & {
  readonly url?: string | null;
  readonly since?: string | null;
  readonly verify?: boolean | null;
};

export const logDrainsApi: FastifyPluginAsync<LogDrainsDeps> = async (server, deps) => {
  const { drains } = deps;

  const show = async (request: FastifyRequest, app: AppRecord, drain: DrainRecord, isExtended = false) =>
    replyOf(app, drain, await drains.view(drain), {
      isExtended,
      shownUrl: principalOf(request).readOnly ? deps.redactUrl : (url) => url,
    });

  const verify = async (drain: DrainRecord): Promise<Verdict> => {
    const { verdict } = await deps.testDrain(drain);
    if (verdict.kind === "delivered") return verdict;
    throw verdict.kind === "retry" ? drainUnverified(verdict.reason) : drainTestRefused(verdict.reason);
  };

  const find = async (request: FastifyRequest<DrainRequest>): Promise<Found> => {
    const app = appOf(request);
    const drain = await drains.get(app.id, request.params.drain);
    if (drain === undefined) throw notFound("log_drain", request.params.drain);
    return { app, drain };
  };
  const findToManage = async (request: FastifyRequest<DrainRequest>): Promise<Found> => {
    const found = await find(request);
    managedAppOf(request);
    return found;
  };

  server.get<{ Querystring: { extended?: string } }>(
    "/apps/:app/log-drains",
    {
      schema: {
        tags,
        summary: "The drains of an app",
        params: appPath,
        querystring: { type: "object", properties: { extended: text } },
        response: { 200: arrayOf(drainReply), ...failures },
      },
    },
    async (request) => {
      const app = appOf(request);
      const isExtended = request.query.extended === "true";
      const found = await drains.list(app.id);
      return Promise.all(found.map((drain) => show(request, app, drain, isExtended)));
    },
  );

  server.post<{ Body: Body }>(
    "/apps/:app/log-drains",
    {
      schema: {
        tags,
        summary: "Send an app's log to a URL",
        params: appPath,
        body: newDrainBody,
        response: { 201: drainReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = managedAppOf(request);
      refuseUnknown(request.body, "", Object.keys(newDrainBody.properties));
      let found: Verdict | undefined;
      const approve = async (wanted: DrainRecord) => {
        found = await verify(wanted);
      };
      const wanted = wantedOf(request.body);
      const drain = await drains.create(app.id, wanted, request.body.verify ? approve : undefined);
      if (found !== undefined) await drains.keepTest(drain, findingOf(found));
      return reply.code(201).send(await show(request, app, drain));
    },
  );

  server.get<DrainRequest>(
    "/apps/:app/log-drains/:drain",
    {
      schema: {
        tags,
        summary: "A drain and its ledger",
        params: drainPath,
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const { app, drain } = await find(request);
      return show(request, app, drain);
    },
  );

  registerDrainHistory(server, { find, historyOf: deps.historyOf });

  server.patch<DrainRequest & { Body: Body }>(
    "/apps/:app/log-drains/:drain",
    {
      schema: {
        tags,
        summary:
          "Change a drain's URL and options; it keeps its place in the log. What is null is taken away, what is left out stays",
        params: drainPath,
        body: drainChangesBody,
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const { app, drain } = await findToManage(request);
      refuseUnknown(request.body, "", Object.keys(drainChangesBody.properties));
      const { url } = request.body;
      if (url !== undefined && drain.addon !== undefined) throw addonOwnsDrain(drain.addon.name);
      const changes = { ...fieldsIn(request.body), ...(url !== undefined && { url: url ?? "" }) };
      return show(request, app, await drains.update(drain, changes));
    },
  );

  server.delete<DrainRequest>(
    "/apps/:app/log-drains/:drain",
    {
      schema: {
        tags,
        summary: "Remove a drain; the answer is the drain that was",
        params: drainPath,
        response: { 200: removedDrainReply, ...failures },
      },
    },
    async (request) => {
      const found = await unlessUnreadable(findToManage(request));
      if (found === undefined) {
        const app = managedAppOf(request);
        const removed = await drains.removeUnreadable(app.id, request.params.drain);
        if (removed === undefined) throw notFound("log_drain", request.params.drain);
        return unreadableReplyOf(app, removed);
      }
      const { app, drain } = found;
      if (drain.addon !== undefined) throw addonOwnsDrain(drain.addon.name);
      const shown = await show(request, app, drain);
      await drains.remove(app.id, drain.id);
      return shown;
    },
  );

  registerDrainActions(server, { find, drains, testDrain: deps.testDrain, show, findToManage });
};

// Null counts as left out.
function wantedOf(body: Body): NewDrain {
  const { url, since } = body;
  if (typeof url !== "string") throw paramsInvalid("`url` is missing");
  const given = Object.entries(fieldsIn(body)).filter(([, value]) => value !== null);
  return { url, ...(since != null && { since }), ...(Object.fromEntries(given) as DrainOptions) };
}
