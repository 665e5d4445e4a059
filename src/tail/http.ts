/** `GET /sessions/:id`, the stream behind `logplex_url`: from docs/spec/sessions.md#s3-1 on. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Transport } from "../core/format/format.ts";
import { type Position, parsePosition } from "../core/position.ts";
import { positionInvalid } from "../errors/tails.ts";
import type { ReadingRights } from "../registry/reading-rights.ts";
import { feedOf, openSession } from "./session.ts";
import type { SessionSpec, SessionUrls } from "./session-url.ts";
import type { SessionParts } from "./tail-part.ts";
import type { Tails } from "./tails.ts";

export type SessionStreamsOptions = {
  readonly parts: SessionParts;
  readonly urls: SessionUrls;
  readonly tails: Tails;
  readonly rights: Pick<ReadingRights, "take">;
};

const typeOf: Readonly<Record<Transport, string>> = {
  events: "text/event-stream; charset=utf-8",
  plain: "text/plain; charset=utf-8",
};

// The CLI leaves a finished stream only when its reconnect timer runs out. A tail gives up if the server is not back
// by then, and a restart may take this long.
const retryField = { history: "retry: 50\n\n", tail: "retry: 5000\n\n" };

const sessionSchema = {
  summary: "The stream of a log session",
  description:
    "`text/event-stream` when Accept names it, else `text/plain`. The id is the only credential. " +
    "`Last-Event-ID`, or `after`, resumes behind that line and skips the history. When the log is not the one that the " +
    "position is of, the first event is `log-replaced` (in plain text a line of L11), and all lines follow from the oldest on.",
  tags: ["Logs"],
  params: { type: "object", required: ["id"], properties: { id: { type: "string" } } },
  querystring: { type: "object", properties: { after: { type: "string", description: "a position" } } },
} as const;

/**
 * The route. The server needs a `maxParamLength` of `sessionIdCharsMax`. Streams are ended when the server begins to
 * close; `tails` and `parts` remain the caller's.
 */
export const sessionStreams: FastifyPluginAsync<SessionStreamsOptions> = async (server, options) => {
  const { parts, urls, tails, rights } = options;
  server.addHook("preClose", () => tails.close());

  server.get<{ Params: { id: string }; Querystring: { after?: string } }>(
    "/sessions/:id",
    { schema: sessionSchema, logLevel: "warn" }, // the address is a secret, which an access log would print
    async (request, reply) => {
      const after = afterOf(request);
      const spec = urls.read(request.params.id, { resuming: after !== undefined });
      const right = spec && (await rights.take(spec.keyId, spec.channel));
      if (spec === undefined || right === undefined) return refuse(reply);
      try {
        await serve(request, reply, { spec, after, over: right.over });
      } finally {
        right.release();
      }
    },
  );

  const refuse = async (reply: FastifyReply): Promise<void> => {
    reply.code(404).type("text/plain; charset=utf-8");
    await reply.send("There is no such log session, or it is over. Ask for a new one.\n");
  };

  const serve = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { spec, after, over }: { spec: SessionSpec; after: Position | undefined; over: AbortSignal },
  ): Promise<void> => {
    const { channel, tail } = spec;
    const transport = transportOf(request.headers.accept);
    const read = await openSession(parts, spec, { transport, after });
    if (over.aborted) return refuse(reply);
    tails.admit(channel);

    reply.hijack();
    reply.raw.writeHead(200, {
      "content-type": typeOf[transport],
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    if (request.method === "HEAD") {
      reply.raw.end();
      return;
    }
    reply.raw.flushHeaders();
    if (transport === "events") reply.raw.write(tail ? retryField.tail : retryField.history);
    const feed = feedOf(parts, spec, transport);
    await tails.serve(reply.raw, { channel, over, transport, tail, read, feed }, (cause) =>
      request.log.error({ err: cause }, "reading the log for a stream failed"),
    );
  };
};

// An event id that is no position comes from another server, so the stream begins anew. A wrong `after` was typed by
// a person, who is told.
function afterOf(request: FastifyRequest<{ Querystring: { after?: string } }>): Position | undefined {
  const header = request.headers["last-event-id"];
  const resumed = typeof header === "string" ? parsePosition(header) : undefined;
  if (resumed !== undefined || request.query.after === undefined) return resumed;
  const after = parsePosition(request.query.after);
  if (after === undefined) throw positionInvalid();
  return after;
}

/** Events only if Accept names them: everybody else expects lines (docs/spec/sessions.md#s3-1). */
const transportOf = (accept: string | undefined): Transport =>
  accept?.toLowerCase().includes("text/event-stream") ? "events" : "plain";
