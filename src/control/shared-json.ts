/** Makes the JSON of an answer once for all requests that share what it is made from. */
import type { FastifyReply } from "fastify";

const made = new WeakMap<object, Buffer>();

/**
 * Sends the JSON of `answer()`, which depends on `source` alone: what a reading of the store found, for one or many
 * requests that waited for it. `source` must not change.
 */
export function sendShared(reply: FastifyReply, source: object, answer: () => unknown): FastifyReply {
  let json = made.get(source);
  if (json === undefined) {
    json = Buffer.from(reply.serialize(answer()) as string);
    made.set(source, json);
  }
  return reply.type("application/json; charset=utf-8").send(json);
}
