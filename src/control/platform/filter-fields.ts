/** The fields with which any request selects lines. */

import { compileFilter, type FilterSpec } from "../../core/filter/line-filter.ts";
import { type Level, levelNamed, levels } from "../../core/message/level.ts";
import { paramsInvalid, patternInvalid } from "../../errors/api.ts";
import { optionalText, text } from "../schemas.ts";

export const nameCharsMax = 128;
/** The most sources, or dynos, in one request. */
const namesMax = 20;
const patternCharsMax = 1_000;

export type FilterFields = {
  readonly [Field in "source" | "dyno" | "dyno_name" | "type" | "exclude_dyno"]?: readonly string[] | null;
} & {
  readonly [Field in "match" | "exclude" | "level"]?: string | null;
};

/** Heroku's clients send a string; the server treats it as an array of one. */
const names = {
  type: "array",
  items: { ...text, maxLength: nameCharsMax },
  maxItems: namesMax,
  nullable: true,
};
const pattern = { ...optionalText, maxLength: patternCharsMax };

export const filterFields = {
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
  match: { ...pattern, description: "RE2 expression that the message has to match" },
  exclude: { ...pattern, description: "RE2 expression that the message must not match" },
};

/** The lines that these fields select. Throws if they cannot be used. */
export function filterOf(body: FilterFields): FilterSpec {
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

// Without repetitions. An empty string counts as left out.
const given = (...fields: readonly (readonly string[] | null | undefined)[]): readonly string[] => [
  ...new Set(fields.flatMap((names) => names ?? []).filter((name) => name !== "")),
];

// Both the dyno and the type must match: `web.1` and `web` together mean `web.1`.
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
