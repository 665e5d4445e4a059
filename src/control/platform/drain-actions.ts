/** Actions on a drain that do not change its options (docs/spec/apis.md#p3-8): pause, resume, rotate, replay, test. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { DrainTestResult } from "../../drains/drain-tests.ts";
import type { Verdict } from "../../ports.ts";
import type { Drains } from "../../registry/drains.ts";
import type { AppRecord, DrainRecord, DrainTest } from "../../registry/records.ts";
import { arrayOf, bodyOf, count, failures, flag, object, optionalText, text } from "../schemas.ts";
import { drainReply } from "./drain-reply.ts";

/** Sends one test line over a drain, outside its cursor and counts. Supplied by the drains' own part. */
export type TestDrain = (record: DrainRecord) => Promise<DrainTestResult>;

export type DrainRequest = { Params: { drain: string } };
export type Found = { readonly app: AppRecord; readonly drain: DrainRecord };

export const drainPath = object({
  app: { ...text, description: "name or id" },
  drain: { ...text, description: "id, token or URL (percent-encoded once)" },
});
export const tags = ["Drains"];
const since = { ...text, description: "RFC 3339, or `10m` ago" };

type Parts = {
  readonly drains: Drains;
  readonly testDrain: TestDrain;
  readonly show: (request: FastifyRequest, app: AppRecord, drain: DrainRecord) => Promise<object>;
  readonly find: (request: FastifyRequest<DrainRequest>) => Promise<Found>;
  /** Throws for principals who may not change the drain. */
  readonly findToManage: (request: FastifyRequest<DrainRequest>) => Promise<Found>;
};

export function registerDrainActions(
  server: FastifyInstance,
  { drains, testDrain, show, find, findToManage }: Parts,
): void {
  const act = (action: string, summary: string, run: (drain: DrainRecord) => Promise<DrainRecord>) =>
    server.post<DrainRequest>(
      `/apps/:app/log-drains/:drain/actions/${action}`,
      { schema: { tags, summary, params: drainPath, response: { 200: drainReply, ...failures } } },
      async (request) => {
        const { app, drain } = await findToManage(request);
        return show(request, app, await run(drain));
      },
    );
  act("pause", "Hold a drain where it is", (drain) => drains.pause(drain));
  act("resume", "Let a paused drain go on", (drain) => drains.resume(drain));

  server.post<DrainRequest & { Body: { secret: string } }>(
    "/apps/:app/log-drains/:drain/actions/rotate",
    {
      schema: {
        tags,
        summary: "Sign with a new secret, and with the one before until `previous_secret` is set to null",
        params: drainPath,
        body: bodyOf({ secret: text }, ["secret"]),
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const { app, drain } = await findToManage(request);
      return show(request, app, await drains.rotate(drain, request.body.secret));
    },
  );

  server.post<DrainRequest & { Body: { since: string } }>(
    "/apps/:app/log-drains/:drain/actions/replay",
    {
      schema: {
        tags,
        summary: "Send an app's lines since a time once more",
        params: drainPath,
        body: {
          type: "object",
          properties: { since },
          required: ["since"],
        },
        response: { 200: drainReply, ...failures },
      },
    },
    async (request) => {
      const { app, drain } = await findToManage(request);
      return show(request, app, await drains.replay(drain, request.body.since));
    },
  );

  server.get<DrainRequest & { Querystring: { since?: string } }>(
    "/apps/:app/log-drains/:drain/replay",
    {
      schema: {
        tags,
        summary: "How many lines a replay since a time would go through; nothing is sent",
        params: drainPath,
        querystring: {
          type: "object",
          properties: {
            since: { ...since, description: `${since.description}; left out, all that is kept` },
          },
        },
        response: { 200: object({ lines: count }), ...failures },
      },
    },
    async (request) => {
      const { drain } = await find(request);
      return { lines: await drains.linesOfReplay(drain, request.query.since) };
    },
  );

  server.post<DrainRequest>(
    "/apps/:app/log-drains/:drain/actions/test",
    {
      schema: {
        tags,
        summary: "Send one test line now; it is in no count",
        params: drainPath,
        response: {
          200: object({
            kind: { ...text, enum: ["delivered", "retry", "split", "refused"] },
            reason: {
              ...optionalText,
              description: "what the destination answered; null when it took the line",
            },
            expiring: {
              ...optionalText,
              description: "set when it took the line, and its certificate ends soon",
            },
            steps: {
              ...arrayOf(
                object({
                  name: { ...text, enum: ["resolve", "connect", "tls", "send", "answer"] },
                  ms: { type: "number" },
                  detail: text,
                  failed: flag,
                }),
              ),
              description: "what was done, in order; where the test failed, the last one is the one that did",
            },
          }),
          ...failures,
        },
      },
    },
    async (request) => {
      const { drain } = await findToManage(request);
      const { verdict, steps } = await testDrain(drain);
      const found = findingOf(verdict);
      await drains.keepTest(drain, found);
      return { kind: found.kind, reason: found.reason ?? null, expiring: found.expiring ?? null, steps };
    },
  );
}

/** A test's result in its stored form. */
export function findingOf(verdict: Verdict): Omit<DrainTest, "at"> {
  if (verdict.kind !== "delivered") return { kind: verdict.kind, reason: verdict.reason };
  return { kind: verdict.kind, ...(verdict.expiring !== undefined && { expiring: verdict.expiring }) };
}
