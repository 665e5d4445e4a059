/** The routes of `tailrace up`: it reports its dynos, and waits for changes of what is wanted. Our own addition. */
import type { FastifyPluginAsync } from "fastify";
import { reportLimits } from "../../core/records/runner-report.ts";
import type { Apps } from "../../registry/apps.ts";
import type { Keys } from "../../registry/keys.ts";
import { memoryMbOf } from "../../registry/platform/dyno-sizes.ts";
import {
  type DynoReport,
  dynoStates,
  type Order,
  type RunnerRecord,
} from "../../registry/platform/platform-records.ts";
import { type Platforms, releaseInForce } from "../../registry/platform/platforms.ts";
import type { Runners } from "../../registry/platform/runners.ts";
import { authenticate, findApp, managedAppOf } from "../auth.ts";
import { appPath, arrayOf, bodyOf, count, failures, object, text, time, uuid } from "../schemas.ts";

type RunnerDeps = {
  readonly platforms: Platforms;
  readonly runners: Runners;
  readonly keys: Keys;
  readonly apps: Apps;
};

/** A request waits this long; its client then asks again. */
const waitSecondsMax = 50;

const dyno = object({
  id: uuid,
  name: { ...text, maxLength: 64 },
  type: { ...text, maxLength: 32 },
  state: { type: "string", enum: [...dynoStates] },
  command: text,
  size: text,
  release: count,
  createdAt: time,
  updatedAt: time,
});
const reportBody = bodyOf(
  {
    id: uuid,
    host: { ...text, maxLength: 255 },
    pid: count,
    replaces: { ...text, description: "the runner that this one found dead on its own machine" },
    dynos: { ...arrayOf(dyno), maxItems: reportLimits.dynosMax },
  },
  ["id", "host", "pid", "dynos"],
);
const runnerReply = object({ id: uuid, host: text, pid: count });
const wantedReply = object({
  revision: count,
  formation: arrayOf(object({ type: text, command: text, quantity: count, size: text, memory_mb: count })),
  config: { type: "object", additionalProperties: text },
  release: count,
  orders: arrayOf(
    object(
      {
        number: count,
        kind: text,
        target: text,
        dyno: text,
        command: text,
        size: text,
        memory_mb: count,
        env: { type: "object", additionalProperties: text },
      },
      { optional: ["target", "dyno", "command", "size", "memory_mb", "env"] },
    ),
  ),
});
const tags = ["Dynos"];

type Report = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly replaces?: string;
  readonly dynos: readonly DynoReport[];
};
type WaitQuery = { readonly after?: number; readonly seconds?: number };

const replyOf = ({ id, host, pid }: Pick<RunnerRecord, "id" | "host" | "pid">) => ({ id, host, pid });

const orderReplyOf = ({ atMs: _, ...order }: Order) =>
  order.kind === "run" ? { ...order, memory_mb: memoryMbOf(order.size) } : order;

export const runnerApi: FastifyPluginAsync<RunnerDeps> = async (server, deps) => {
  const { platforms, runners, keys, apps } = deps;
  server.addHook("preClose", async () => platforms.release());

  server.get(
    "/apps/:app/runner",
    {
      schema: {
        tags,
        summary: "The program that runs the app's dynos; none: an empty list",
        params: appPath,
        response: { 200: arrayOf(runnerReply), ...failures },
      },
    },
    async (request) => {
      const runner = await runners.get(managedAppOf(request).id);
      return runner === undefined ? [] : [replyOf(runner)];
    },
  );

  server.put<{ Body: Report }>(
    "/apps/:app/runner",
    {
      schema: {
        tags,
        summary: "A runner tells that it is there, and its dynos: at each change, and every 5 s",
        params: appPath,
        body: reportBody,
        response: { 200: runnerReply, ...failures },
      },
    },
    async (request) => {
      await runners.report(managedAppOf(request).id, request.body);
      return replyOf(request.body);
    },
  );

  server.delete<{ Querystring: { id?: string } }>(
    "/apps/:app/runner",
    {
      schema: {
        tags,
        summary: "A runner has ended its dynos",
        params: appPath,
        querystring: { type: "object", properties: { id: text } },
        response: { 200: object({}), ...failures },
      },
    },
    async (request) => {
      await runners.leave(managedAppOf(request).id, request.query.id ?? "");
      return {};
    },
  );

  server.get<{ Querystring: WaitQuery }>(
    "/apps/:app/runner/wanted",
    {
      config: { waits: true },
      schema: {
        tags,
        summary: "What is wanted of the app's dynos; with `after`, as soon as it is newer than that revision",
        params: appPath,
        querystring: {
          type: "object",
          properties: {
            after: count,
            seconds: { ...count, minimum: 0, maximum: waitSecondsMax },
          },
        },
        response: { 200: wantedReply, ...failures },
      },
    },
    async (request) => {
      const { after = -1, seconds = waitSecondsMax } = request.query;
      const { id } = managedAppOf(request);
      const waiting = new AbortController();
      const end = () => waiting.abort();
      const timer = setTimeout(end, seconds * 1000);
      request.raw.socket.once("close", end);
      try {
        const changed = platforms.changed(id, waiting.signal); // before the record is read: no change is missed
        changed.catch(() => {}); // thrown below
        if ((await platforms.get(id)).revision <= after) await changed;
      } finally {
        clearTimeout(timer);
        request.raw.socket.off("close", end);
        end();
      }
      // The key's rights may have ended in the meantime.
      await authenticate(request, keys);
      await findApp(request, apps);
      const record = await platforms.get(managedAppOf(request).id);
      return {
        revision: record.revision,
        formation: record.formation.map((entry) => ({ ...entry, memory_mb: memoryMbOf(entry.size) })),
        config: record.config,
        release: releaseInForce(record)?.version ?? 0,
        orders: record.orders.map(orderReplyOf),
      };
    },
  );
};
