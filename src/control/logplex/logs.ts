/** v3 history as frames, and v3 sessions. */
import { Readable } from "node:stream";
import type { FastifyPluginAsync } from "fastify";
import type { StoredBatch } from "../../core/batch.ts";
import type { FilterSpec } from "../../core/line-filter.ts";
import { framesFrom, LineCursor, toLogplex } from "../../core/lines.ts";
import { AppError } from "../../errors.ts";
import type { Failures } from "../../failures.ts";
import type { ChannelLog } from "../../ports.ts";
import { appToSee } from "../auth.ts";
import { type IssueSession, linesDefault } from "../platform/log-sessions.ts";
import { type PublicUrl, publicUrlOf } from "../public-url.ts";
import { bodyOf, object, text } from "../schemas.ts";
import { allowOnly, call, callWith, type Payload } from "./calls.ts";
import { channelOf, type LogplexDeps } from "./channels.ts";

export type LogplexLogsDeps = LogplexDeps & {
  readonly log: ChannelLog;
  readonly issueSession: IssueSession;
  readonly publicUrl: PublicUrl;
  readonly historyLinesMax: number;
  readonly failures: Failures;
};

const tags = ["Logplex"];
const logsPath = "/v3/channels/:channel/logs";
const sessionsPath = "/v3/sessions";
const newline = 0x0a;
/** A frame grows by its newline and by one more digit at most. */
const growthBytesMax = 2;

export const logplexLogs: FastifyPluginAsync<LogplexLogsDeps> = async (server, deps) => {
  const { apps, keys, log, historyLinesMax, failures } = deps;

  allowOnly(server, logsPath, ["GET"]);
  allowOnly(server, sessionsPath, ["POST"]);

  server.get(
    logsPath,
    {
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
      const recent = await log.recent(app.id, wanted).catch((err: unknown) => {
        failures.note("history", err, "an app's history could not be read; its reader was answered 500");
      });
      if (recent === undefined) return reply.code(500).send({ error: "failed to fetch channel logs" });
      const stored = recent.batches.reduce((lines, batch) => lines + batch.count, 0);
      return reply
        .type("application/logplex-1")
        .header("logplex-msg-count", Math.min(wanted, stored))
        .header("connection", "close")
        .send(Readable.from(framesOf(recent.batches, Math.max(0, stored - wanted)), { objectMode: false }));
    }),
  );

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

/** All frames but the first `skip`, in the form of an HTTPS drain, each with a newline behind it that it counts. */
function* framesOf(batches: readonly StoredBatch[], skip: number): Generator<Buffer> {
  let toSkip = skip;
  for (const batch of batches) {
    if (toSkip < batch.count) {
      const count = batch.count - toSkip;
      yield withNewlines(toLogplex({ bytes: framesFrom(batch.bytes, toSkip), count, form: batch.form }));
    }
    toSkip = Math.max(0, toSkip - batch.count);
  }
}

function withNewlines({ bytes, count }: { bytes: Uint8Array; count: number }): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + count * growthBytesMax);
  const line = new LineCursor().open(bytes, "logplex");
  let end = 0;
  while (line.next()) {
    end += out.write(`${line.end - line.headStart + 1} `, end, "latin1");
    out.set(bytes.subarray(line.headStart, line.end), end);
    end += line.end - line.headStart;
    out[end++] = newline;
  }
  return out.subarray(0, end);
}
