/** The routes of `POST /logs`, from docs/spec/wire-in.md#w3-1 on. */
import type { FastifyPluginAsync, onRequestHookHandler } from "fastify";
import { ingestMethod } from "../../errors/ingest.ts";
import type { BareRoutes } from "../../http/bare-routes.ts";
import { answerError } from "./http-answers.ts";
import { LogsDoor, type LogsDoorOptions } from "./http-door.ts";

export type IngestHttpOptions = LogsDoorOptions & {
  /** Routes that bypass the framework. Absent: every request goes through it. */
  readonly bare?: BareRoutes | undefined;
};

const otherMethods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Checks in the order of docs/spec/wire-in.md#w3-1: method, credentials, media type, Accept, body. */
export const ingestHttp: FastifyPluginAsync<IngestHttpOptions> = async (server, { bare, ...options }) => {
  const door = new LogsDoor(options, server.log);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null)); // the door reads the body, within its bounds
  server.addHook("preClose", async () => bare?.close());

  // Runs before the framework looks at a header, because the order of checks is ours.
  const take: onRequestHookHandler = (request, reply) => {
    reply.hijack();
    door.handle(request.raw, reply.raw);
  };
  const refuse: onRequestHookHandler = (request, reply) => {
    reply.hijack();
    answerError(ingestMethod(), request.raw, reply.raw, server.log);
  };
  for (const url of ["/logs", "/logs/"]) {
    bare?.post(url, door.handle);
    server.route({ method: "POST", url, onRequest: take, handler: () => {} });
    server.route({ method: otherMethods, url, onRequest: refuse, handler: () => {} });
  }
};
