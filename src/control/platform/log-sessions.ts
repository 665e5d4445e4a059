/** Heroku Platform API, "Log Session": an address for reading an app's log. */
import { randomUUID } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import type { LineFormat } from "../../core/format/format.ts";
import { type Position, parsePosition } from "../../core/position.ts";
import { paramsInvalid, sinceInvalid } from "../../errors/api.ts";
import type { Clock } from "../../ports.ts";
import { parseSince, timeOf } from "../../registry/time.ts";
import { type Around, aroundMax } from "../../tail/around.ts";
import type { SessionSpec } from "../../tail/session-url.ts";
import { appOf, principalOf } from "../auth.ts";
import { refuseUnknown } from "../bodies.ts";
import { type PublicUrl, publicUrlOf } from "../public-url.ts";
import {
  appPath,
  bodyOf,
  count,
  failures,
  flag,
  object,
  optionalText,
  text,
  time,
  uuid,
} from "../schemas.ts";
import { type FilterFields, filterFields, filterOf, nameCharsMax } from "./filter-fields.ts";

/** The number of lines that a session shows if its body does not say. */
export const linesDefault = 100;

/** Makes the last part of a session's URL. Supplied by the tails' own part. */
export type IssueSession = (spec: SessionSpec) => string;

type Body = FilterFields & {
  readonly [Field in "since" | "until" | "before"]?: string | null;
} & {
  readonly [Field in "lines" | "context_before" | "context_after"]?: number | null;
} & {
  readonly tail?: boolean | null;
  readonly format?: LineFormat | null;
  readonly progress?: boolean | null;
};

const neighbours = { type: "integer", minimum: 0, maximum: aroundMax, nullable: true } as const;

const sessionBody = bodyOf({
  lines: {
    type: "integer",
    minimum: 0,
    nullable: true,
    description:
      `the newest lines that match, of all that are kept; left out, ${linesDefault}, or with \`since\` all; ` +
      "cut to `lines_max` of the answer",
  },
  tail: {
    type: "boolean",
    nullable: true,
    description: "go on with live lines; left out, it is true only when `lines` and `since` are left out too",
  },
  ...filterFields,
  since: {
    ...optionalText,
    maxLength: nameCharsMax,
    description: "RFC 3339, or `10m` ago; with `lines` the newest of the lines since then",
  },
  until: {
    ...optionalText,
    maxLength: nameCharsMax,
    description: "RFC 3339, or `10m` ago: no lines accepted later, and no live ones",
  },
  context_before: {
    ...neighbours,
    description: "lines to show before each that passes the filter, whoever wrote them",
  },
  context_after: { ...neighbours, description: "the same behind it; both need `lines`, and no `tail`" },
  before: {
    ...optionalText,
    maxLength: nameCharsMax,
    description: "a position: the newest of the lines before it, and no live ones",
  },
  format: { type: "string", enum: ["text", "json", "raw", null], nullable: true },
  progress: {
    type: "boolean",
    nullable: true,
    description: "the event stream tells how much of the log was looked at, in events named `searched`",
  },
});

const sessionReply = object({
  id: uuid,
  logplex_url: { ...text, description: "open it within 6 minutes, without a key; it is one" },
  lines: { ...count, nullable: true, description: "null: all since `since`" },
  lines_max: { ...count, description: "the most that `lines` may be on this server" },
  tail: flag,
  source: { ...optionalText, description: "several are joined by commas" },
  dyno: { ...optionalText, description: "several are joined by commas" },
  created_at: time,
  updated_at: time,
});

type LogSessionsDeps = {
  readonly clock: Clock;
  readonly issueSession: IssueSession;
  readonly publicUrl: PublicUrl;
  readonly historyLinesMax: number;
};

export const logSessionsApi: FastifyPluginAsync<LogSessionsDeps> = async (server, deps) => {
  server.post<{ Body: Body }>(
    "/apps/:app/log-sessions",
    {
      schema: {
        tags: ["Logs"],
        summary: "An address to read an app's log at",
        params: appPath,
        body: sessionBody,
        response: { 201: sessionReply, ...failures },
      },
    },
    async (request, reply) => {
      const app = appOf(request);
      refuseUnknown(request.body, "", Object.keys(sessionBody.properties));
      const nowMs = deps.clock.nowMs();
      const filter = filterOf(request.body);
      const { keyId } = principalOf(request);
      const spec = { keyId, channel: app.id, filter, ...extentOf(request.body, nowMs, deps.historyLinesMax) };
      const url = `${publicUrlOf(request, deps.publicUrl)}/sessions/${deps.issueSession(spec)}`;
      return reply.code(201).send({
        id: randomUUID(),
        logplex_url: url,
        lines: spec.lines ?? null,
        lines_max: deps.historyLinesMax,
        tail: spec.tail,
        source: filter.sources?.join(",") ?? null,
        dyno: filter.dynos?.join(",") ?? null,
        created_at: timeOf(nowMs),
        updated_at: timeOf(nowMs),
      });
    },
  );
};

// The range of a session and its format. A body without `lines` and `tail` asks for a tail: docs/spec/sessions.md#s1-3.
function extentOf(
  body: Body,
  nowMs: number,
  linesMax: number,
): Omit<SessionSpec, "keyId" | "channel" | "filter"> {
  const since = body.since || undefined;
  const sinceMs = since && parseSince(since, nowMs);
  if (since !== undefined && sinceMs === undefined) throw sinceInvalid(since);
  const untilMs = untilOf(body, nowMs);
  if (typeof sinceMs === "number" && untilMs !== undefined && sinceMs > untilMs)
    throw paramsInvalid("`since` is later than `until`: no line can lie between them");
  const before = beforeOf(body);
  const isAll = since !== undefined && before === undefined;
  const lines = body.lines ?? (isAll ? undefined : linesDefault);
  const isWithoutEnd = since === undefined && untilMs === undefined && before === undefined;
  return {
    ...(lines !== undefined && { lines: Math.min(lines, linesMax) }),
    tail: body.tail ?? (body.lines == null && isWithoutEnd),
    ...(typeof sinceMs === "number" && { sinceMs }),
    ...(untilMs !== undefined && { untilMs }),
    ...aroundOf(body),
    format: body.format ?? "text",
    ...(body.progress === true && { progress: true }),
    ...(before !== undefined && { before }),
  };
}

function untilOf({ until, tail }: Body, nowMs: number): number | undefined {
  if (!until) return undefined;
  const untilMs = parseSince(until, nowMs);
  if (untilMs === undefined) throw paramsInvalid("`until` is not a time: write RFC 3339, or 10m");
  if (tail === true)
    throw paramsInvalid("`until` asks for lines that are there, and `tail` for those that come");
  return untilMs;
}

// Neighbours are for lines that a search found: they exist already, and their number is bounded.
function aroundOf(body: Body): { around?: Around } {
  const [before, after] = [body.context_before ?? 0, body.context_after ?? 0];
  if (before + after === 0) return {};
  if (body.tail === true || body.lines == null)
    throw paramsInvalid("`context_before` and `context_after` need `lines`, and no `tail`");
  return { around: { before, after } };
}

function beforeOf({ before, tail }: Body): Position | undefined {
  if (!before) return undefined;
  const position = parsePosition(before);
  if (position === undefined) throw paramsInvalid("`before` is not a position");
  if (tail === true)
    throw paramsInvalid("`before` asks for lines that are there, and `tail` for those that come");
  return position;
}
