/**
 * Bounds the bytes of API answers that clients have not read yet. Beyond the bound, the client that has waited longest
 * is disconnected. Lists of many apps are what grows large.
 */
import type { FastifyInstance } from "fastify";
import { httpDroppedConnections } from "../metrics.ts";
import { Stalls } from "../tail/stalls.ts";

/** A shorter answer costs no more than its request did. */
const smallBytesMax = 16 * 1024;

/** Bounds the answers of everything registered on `server`. */
export function boundUnreadAnswers(server: FastifyInstance, unreadBytesMax: number): void {
  const stalls = new Stalls(unreadBytesMax, () => httpDroppedConnections.inc({ reason: "unread" }));
  server.addHook("onSend", async (_request, reply, payload) => {
    if (typeof payload !== "string" && !Buffer.isBuffer(payload)) return payload; // a stream
    if (payload.length <= smallBytesMax) return payload;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const answer = {
      cut() {
        reply.raw.destroy();
        stalls.end(answer);
      },
    };
    reply.raw.once("close", () => stalls.end(answer));
    stalls.begin(answer, bytes);
    return bytes;
  });
}
