/** v3 history as frames, and v3 sessions. */
import type { OutgoingHttpHeaders } from "node:http";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { BackgroundFailures } from "../../background-failures.ts";
import type { FilterSpec } from "../../core/filter/line-filter.ts";
import type { ChannelId } from "../../core/ids.ts";
import { unauthorized } from "../../errors/access.ts";
import { AppError } from "../../errors/app-error.ts";
import type { ReadingRights } from "../../registry/reading-rights.ts";
import { type FrameHistory, LinesGone, type OpenedFrames } from "../../tail/frame-history.ts";
import type { Stream, Tails } from "../../tail/tails.ts";
import { turns } from "../../turns.ts";
import { appToSee } from "../auth.ts";
import { type IssueSession, linesDefault } from "../platform/log-sessions.ts";
import { type PublicUrl, publicUrlOf } from "../public-url.ts";
import { bodyOf, object, text } from "../schemas.ts";
import { allowOnly, call, callWith, type Payload } from "./calls.ts";
import { channelOf, type LogplexDeps } from "./channels.ts";

export type LogplexLogsDeps = LogplexDeps & {
  readonly frames: FrameHistory;
  readonly tails: Tails;
  readonly rights: Pick<ReadingRights, "take">;
  readonly issueSession: IssueSession;
  readonly publicUrl: PublicUrl;
  readonly historyLinesMax: number;
  readonly failures: BackgroundFailures;
};

const tags = ["Logplex"];
const logsPath = "/v3/channels/:channel/logs";
const sessionsPath = "/v3/sessions";

export const logplexLogs: FastifyPluginAsync<LogplexLogsDeps> = async (server, deps) => {
  const { apps, keys, frames, tails, rights, historyLinesMax, failures } = deps;
  server.addHook("preClose", () => tails.close());

  allowOnly(server, logsPath, ["GET"]);
  allowOnly(server, sessionsPath, ["POST"]);

  server.get(
    logsPath,
    {
      config: { waits: true },
      schema: {
        tags,
        summary: "The newest lines of a channel as syslog frames",
        querystring: { type: "object", properties: { num: text } },
      },
    },
    call(keys, async (request, reply, principal) => {
      const app = await appToSee(apps, principal, channelOf(request));
      const { num } = request.query as { num?: string };
      const wanted = Math.min(linesOf(num) ?? linesDefault, historyLinesMax);
      const opened = await frames.open(app.id, wanted).catch((err: unknown) => {
        failures.note("history", err, "an app's history could not be read; its reader was answered 500");
      });
      if (opened === undefined) return reply.code(500).send({ error: "failed to fetch channel logs" });
      const right = await rights.take(principal.keyId, app.id);
      if (right === undefined) throw unauthorized(); // the right has just ended
      try {
        if (turns.isOver) await turns.next(app.id); // all clients who waited for the same lines get here at once
        if (right.over.aborted) throw unauthorized();
        tails.admit(app.id);
        await serve(request, reply, { channel: app.id, over: right.over, ...opened });
      } finally {
        right.release();
      }
      return reply;
    }),
  );

  // Served like a session that does not tail: it counts as a stream, and a client that does not read is disconnected.
  const serve = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { channel, over, lines, read }: OpenedFrames & { channel: ChannelId; over: AbortSignal },
  ): Promise<void> => {
    const stream: Stream = { channel, over, transport: "plain", tail: false, read };
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      "content-type": "application/logplex-1",
      "logplex-msg-count": lines,
      connection: "close",
    });
    if (request.method === "HEAD") {
      reply.raw.end();
      return;
    }
    reply.raw.flushHeaders();
    await tails.serve(reply.raw, stream, (err) => {
      if (!(err instanceof LinesGone)) failures.note("history", err, "an app's history could not be read on");
    });
  };

  server.post(
    sessionsPath,
    {
      schema: {
        tags,
        summary: "An address to read a channel at; with the key `tail`, whatever its value, also live lines",
        body: bodyOf({ channel_id: text, num: text, tail: {}, source: text, ps: text }, ["channel_id"]),
        response: { 201: object({ url: text }) },
      },
    },
    callWith(keys, wantedSession, async (request, reply, principal, { channel, lines, tail, filter }) => {
      const app = await appToSee(apps, principal, channel).catch(noneWhenNotFound);
      if (app === undefined) return reply.code(422).send({ error: "channel not found" });
      const kept = Math.min(lines, historyLinesMax);
      const spec = { channel: app.id, lines: kept, tail, filter, format: "text" } as const;
      const id = deps.issueSession({ ...spec, keyId: principal.keyId });
      const url = `${publicUrlOf(request, deps.publicUrl)}/sessions/${id}`;
      return reply.code(201).header("location", url).send({ url });
    }),
  );
};

function wantedSession(payload: Payload) {
  const { channel_id: channel, num, source, ps } = payload;
  const lines = num === undefined ? linesDefault : linesOf(String(num));
  if (typeof channel !== "string" || lines === undefined) return undefined;
  if (!isOptionalText(source) || !isOptionalText(ps)) return undefined;
  const filter: FilterSpec = { ...(source && { sources: [source] }), ...(ps && { dynos: [ps] }) };
  return { channel, lines, tail: "tail" in payload, filter };
}

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === "string";

const linesOf = (num: string | undefined): number | undefined =>
  num !== undefined && /^\d{1,9}$/.test(num) ? Number(num) : undefined;

function noneWhenNotFound(failure: unknown): undefined {
  if (!(failure instanceof AppError && failure.status === 404)) throw failure;
}
