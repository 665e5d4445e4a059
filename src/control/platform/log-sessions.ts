/** Heroku Platform API, "Log Session": an address to read an app's log at. */
import { randomUUID } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import type { LineFormat } from "../../core/format.ts";
import { compileFilter, type FilterSpec } from "../../core/line-filter.ts";
import { paramsInvalid, patternInvalid, sinceInvalid } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { parseSince, timeOf } from "../../registry/time.ts";
import type { SessionSpec } from "../../tail/session-url.ts";
import { appOf, principalOf } from "../auth.ts";
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

/** Lines that a session shows when nothing is said of them. */
export const linesDefault = 100;
const nameCharsMax = 128;
const patternCharsMax = 1_000;

/** Makes the last part of a session's URL. Of the tail's own part. */
export type IssueSession = (spec: SessionSpec) => string;

type Body = {
  readonly [Field in "source" | "dyno" | "dyno_name" | "type" | "since" | "match" | "exclude"]?:
    | string
    | null;
} & {
  readonly lines?: number | null;
  readonly tail?: boolean | null;
  readonly format?: LineFormat | null;
};

const name = { ...optionalText, maxLength: nameCharsMax };
const pattern = { ...optionalText, maxLength: patternCharsMax };

const sessionBody = bodyOf({
  lines: {
    type: "integer",
    minimum: 0,
    nullable: true,
    description: `the newest lines that match, ${linesDefault} when left out; cut to what the server keeps`,
  },
  tail: {
    type: "boolean",
    nullable: true,
    description: "go on with live lines; left out, it is true only when `lines` and `since` are left out too",
  },
  source: { ...name, description: "`app`, `heroku`, …: whole" },
  dyno: { ...name, description: "`web.1`, or `web` for all of a process type" },
  dyno_name: { ...name, description: "the same as `dyno`" },
  type: { ...name, description: "a process type; holds besides `dyno`" },
  since: {
    ...optionalText,
    maxLength: nameCharsMax,
    description: "RFC 3339, or `10m` ago; instead of `lines`",
  },
  match: { ...pattern, description: "RE2 expression that the message has to match" },
  exclude: { ...pattern, description: "RE2 expression that the message must not match" },
  format: { type: "string", enum: ["text", "json", "raw", null], nullable: true },
});

const sessionReply = object({
  id: uuid,
  logplex_url: { ...text, description: "open it within 6 minutes, without a key; it is one" },
  lines: count,
  tail: flag,
  source: optionalText,
  dyno: optionalText,
  created_at: time,
  updated_at: time,
});

export type LogSessionsDeps = {
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
      const nowMs = deps.clock.nowMs();
      const filter = filterOf(request.body);
      const { keyId } = principalOf(request);
      const spec = { keyId, channel: app.id, filter, ...extentOf(request.body, nowMs, deps.historyLinesMax) };
      const url = `${publicUrlOf(request, deps.publicUrl)}/sessions/${deps.issueSession(spec)}`;
      return reply.code(201).send({
        id: randomUUID(),
        logplex_url: url,
        lines: spec.lines,
        tail: spec.tail,
        source: filter.sources?.[0] ?? null,
        dyno: filter.dynos?.[0] ?? null,
        created_at: timeOf(nowMs),
        updated_at: timeOf(nowMs),
      });
    },
  );
};

// From where to where, and how it looks. A body without `lines` and `tail` asks for a tail: docs/spec/sessions.md#s1-3.
function extentOf(
  body: Body,
  nowMs: number,
  linesMax: number,
): Omit<SessionSpec, "keyId" | "channel" | "filter"> {
  const since = body.since || undefined;
  const sinceMs = since && parseSince(since, nowMs);
  if (since !== undefined && sinceMs === undefined) throw sinceInvalid(since);
  return {
    lines: Math.min(body.lines ?? linesDefault, linesMax),
    tail: body.tail ?? (body.lines == null && since === undefined),
    ...(typeof sinceMs === "number" && { sinceMs }),
    format: body.format ?? "text",
  };
}

// An empty text counts as left out.
function filterOf(body: Body): FilterSpec {
  const dyno = narrower(narrower(body.dyno, body.dyno_name), body.type);
  const filter: FilterSpec = {
    ...(body.source && { sources: [body.source] }),
    ...(dyno && { dynos: [dyno] }),
    ...(body.match && { match: body.match }),
    ...(body.exclude && { exclude: body.exclude }),
  };
  const compiled = compileFilter(filter);
  if (compiled.kind === "bad") throw patternInvalid(compiled.field, compiled.reason);
  return filter;
}

// Both have to hold: of `web.1` and `web` that is `web.1`.
function narrower(a: string | null | undefined, b: string | null | undefined): string | undefined {
  if (!a || !b) return a || b || undefined;
  if (a === b || a.startsWith(`${b}.`)) return a;
  if (b.startsWith(`${a}.`)) return b;
  throw paramsInvalid("no process is of both the `dyno` and the `type` given");
}
