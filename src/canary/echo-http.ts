/**
 * The route to which the canary's lines come back. Only its own drain has the address, and anybody to whom the operator
 * gives it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import { pathNotFound } from "../errors/access.ts";
import type { Way } from "./ledger.ts";

/** The path of the echo; a secret follows it. */
export const echoPath = "/canary/echo";
const bodyBytesMax = 256 * 1024;

export type EchoOptions = {
  readonly secret: string;
  /** Gets what came back: a body in any form. */
  readonly came: (way: Way, text: string) => void;
};

/** The route. Without the secret, it answers as if it did not exist. */
export const echoHttp: FastifyPluginAsync<EchoOptions> = async (server, { secret, came }) => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: bodyBytesMax }, (_request, body, done) =>
    done(null, body),
  );
  server.post<{ Params: { secret: string } }>(
    `${echoPath}/:secret`,
    {
      schema: { hide: true },
      onRequest: async ({ params }) => {
        if (!isSame(params.secret, secret)) throw pathNotFound();
      },
    },
    async ({ headers, body }, reply) => {
      const way = headers["logplex-drain-token"] === undefined ? "receiver" : "drain";
      if (Buffer.isBuffer(body)) came(way, body.toString("latin1"));
      return reply.code(204).send();
    },
  );
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
const isSame = (given: string, wanted: string): boolean => timingSafeEqual(digest(given), digest(wanted));
