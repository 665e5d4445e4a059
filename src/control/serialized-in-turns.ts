/**
 * Makes the JSON of answers in turns of the event loop. Many requests may wait for one reading of the store, and would
 * otherwise all be answered in the turn in which it ends: a list of some hundred apps takes a millisecond each.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { turns } from "../turns.ts";

/** For everything registered on `server`. Addresses take turns. */
export function serializeInTurns(
  server: FastifyInstance,
  addressOf: (request: FastifyRequest) => string,
): void {
  server.addHook("preSerialization", (request, _reply, payload, done) => {
    if (!turns.isOver) done(null, payload);
    else void turns.next(addressOf(request)).then(() => done(null, payload));
  });
}
