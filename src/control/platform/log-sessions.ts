/** Heroku Platform API, "Log Session": an address to read an app's log at. */
import { randomUUID } from "node:crypto";
import type { FastifyPluginAsync } from "fastify";
import type { LineFormat } from "../../core/format.ts";
import { type Level, levelNamed, levels } from "../../core/level.ts";
import { compileFilter, type FilterSpec } from "../../core/line-filter.ts";
import { type Position, parsePosition } from "../../core/position.ts";
import { paramsInvalid, patternInvalid, sinceInvalid } from "../../errors/api.ts";
import type { Clock } from "../../ports.ts";
import { parseSince, timeOf } from "../../registry/time.ts";
import { type Around, aroundMax } from "../../tail/around.ts";
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

/** Lines that a session shows when its body does not say. */
export const linesDefault = 100;
const nameCharsMax = 128;
/** The most sources, or dynos, of one session. */
const namesMax = 20;
const patternCharsMax = 1_000;

/** Makes the last part of a session's URL. The tail's own part provides it. */
export type IssueSession = (spec: SessionSpec) => string;

type Body = {
  readonly [Field in "source" | "dyno" | "dyno_name" | "type" | "exclude_dyno"]?: readonly string[] | null;
} & {
  readonly [Field in "since" | "until" | "before" | "match" | "exclude" | "level"]?: string | null;
} & {
  readonly [Field in "lines" | "context_before" | "context_after"]?: number | null;
} & {
  readonly tail?: boolean | null;
  readonly format?: LineFormat | null;
  readonly progress?: boolean | null;
};

/** Heroku's clients send a text; the server takes it for an array of one. */
const names = {
  type: "array",
  items: { ...text, maxLength: nameCharsMax },
  maxItems: namesMax,
  nullable: true,
};
const pattern = { ...optionalText, maxLength: patternCharsMax };

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
  source: { ...names, description: "`app`, `heroku`, …: whole; a text, or an array: any of them" },
  dyno: { ...names, description: "`web.1`, `web` for all of a process type, `web.*`; a text, or an array" },
  exclude_dyno: { ...names, description: "none of these processes; written like `dyno`" },
  level: {
    ...optionalText,
    maxLength: nameCharsMax,
    description: `lines as bad as this or worse, by what they say themselves (JSON, logfmt, \`ERROR …\`), else by their severity: ${levels.join(", ")}`,
  },
  dyno_name: { ...names, description: "the same as `dyno`; both add up" },
  type: { ...names, description: "process types; hold besides `dyno`" },
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
  match: { ...pattern, description: "RE2 expression that the message has to match" },
  exclude: { ...pattern, description: "RE2 expression that the message must not match" },
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
  if (untilMs === undefined) throw paramsInvalid("`until` is no time: write RFC 3339, or 10m");
  if (tail === true)
    throw paramsInvalid("`until` asks for lines that are there, and `tail` for those that come");
  return untilMs;
}

// Neighbours are shown of lines that a search found: their number has a bound, and they are there already.
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
  if (position === undefined) throw paramsInvalid("`before` is no position");
  if (tail === true)
    throw paramsInvalid("`before` asks for lines that are there, and `tail` for those that come");
  return position;
}

function filterOf(body: Body): FilterSpec {
  const sources = given(body.source);
  const dynos = narrower(given(body.dyno, body.dyno_name), given(body.type));
  const excludeDynos = given(body.exclude_dyno);
  const filter: FilterSpec = {
    ...(sources.length > 0 && { sources }),
    ...(dynos.length > 0 && { dynos }),
    ...(excludeDynos.length > 0 && { excludeDynos }),
    ...(body.level && { level: levelOf(body.level) }),
    ...(body.match && { match: body.match }),
    ...(body.exclude && { exclude: body.exclude }),
  };
  const compiled = compileFilter(filter);
  if (compiled.kind === "bad") throw patternInvalid(compiled.field, compiled.reason);
  return filter;
}

function levelOf(said: string): Level {
  const level = levelNamed(said);
  if (level === undefined) throw paramsInvalid(`\`level\` is one of ${levels.join(", ")}`);
  return level;
}

// Each once. An empty text counts as left out.
const given = (...fields: readonly (readonly string[] | null | undefined)[]): readonly string[] => [
  ...new Set(fields.flatMap((names) => names ?? []).filter((name) => name !== "")),
];

// Both a dyno and a type have to hold: `web.1` and `web` together are `web.1`.
function narrower(dynos: readonly string[], types: readonly string[]): readonly string[] {
  if (dynos.length === 0 || types.length === 0) return [...dynos, ...types];
  const both = dynos.flatMap((dyno) =>
    types.flatMap((type) => {
      if (dyno === type || dyno.startsWith(`${type}.`)) return [dyno];
      return type.startsWith(`${dyno}.`) ? [type] : [];
    }),
  );
  if (both.length === 0) throw paramsInvalid("no process is of both the `dyno` and the `type` given");
  return [...new Set(both)];
}
