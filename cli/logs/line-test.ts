/**
 * The filters of a session, applied locally to a stream that is read whole because neighbours of matches are wanted.
 * They keep the same lines as the server's (`core/filter/line-filter.ts`); a test compares the two.
 */
import { RE2JS } from "re2js";
import { isAsBad, levelNamed } from "../../src/core/message/level.ts";
import type { SessionBody } from "../api/api-types.ts";
import type { ShownLine } from "../view/shown-line.ts";

export type LineTest = (line: ShownLine) => boolean;

type Filters = Pick<SessionBody, "source" | "dyno" | "exclude_dyno" | "level" | "match" | "exclude">;

/** True if the session does not show every line. */
export const isFiltered = ({ source, dyno, exclude_dyno, level, match, exclude }: Filters): boolean =>
  [source, dyno, exclude_dyno, level, match, exclude].some((wanted) => wanted !== undefined);

/** All given filters must match. */
export function lineTest({ source, dyno, exclude_dyno, level, match, exclude }: Filters): LineTest {
  const tests: LineTest[] = [];
  const least = level === undefined ? undefined : levelNamed(level);
  if (source !== undefined) tests.push((line) => listOf(source).includes(line.source));
  if (dyno !== undefined) tests.push(processTest(listOf(dyno)));
  if (exclude_dyno !== undefined) tests.push(not(processTest(exclude_dyno)));
  if (least !== undefined) tests.push((line) => isAsBad(line.level, least));
  if (match !== undefined) tests.push(textTest(match));
  if (exclude !== undefined) tests.push(not(textTest(exclude)));
  return (line) => tests.every((test) => test(line));
}

export const listOf = (names: string | readonly string[]): readonly string[] =>
  typeof names === "string" ? [names] : names;

const not =
  (test: LineTest): LineTest =>
  (line) =>
    !test(line);

function textTest(pattern: string): LineTest {
  const compiled = RE2JS.compile(pattern);
  return ({ message }) => compiled.test(message);
}

/** `web.1`, `web` for all of a type, or names with stars. */
export function processTest(names: readonly string[]): (line: Pick<ShownLine, "dyno">) => boolean {
  const forms = names.map((name) => {
    const text = name.split("*").map((part) => part.replace(/[^\w]/g, "\\$&"));
    return RE2JS.compile(
      text.length > 1 ? `^(?:${text.join(".*")})$` : `^(?:${text[0]})(?:\\..*)?$`,
      RE2JS.DOTALL,
    );
  });
  return ({ dyno }) => forms.some((form) => form.test(dyno));
}
