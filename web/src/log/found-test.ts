/**
 * Distinguishes matches of a search from their neighbours, as far as a browser can: expressions that it does not
 * support, and levels between the grades, are left to the server, and all lines then count as matches.
 */
import { type Filter, hasNeighbours, isGradeKept } from "./filter.ts";
import type { Line } from "./line.ts";

/** Undefined if there are no neighbours, or they cannot be distinguished from matches. */
export function foundTest(filter: Filter): ((line: Line) => boolean) | undefined {
  const { sources, dynos, excludeDynos, match, exclude, level } = filter;
  if (!hasNeighbours(filter)) return undefined;
  const [wanted, unwanted] = [expression(match), expression(exclude)];
  if (wanted === "unknown" || unwanted === "unknown") return undefined;
  if (level !== undefined && isGradeKept(level, "error") === undefined) return undefined;
  return (line) =>
    (sources?.includes(line.source) ?? true) &&
    (dynos?.some((name) => isOf(line.dyno, name)) ?? true) &&
    !excludeDynos?.some((name) => isOf(line.dyno, name)) &&
    (level === undefined || isGradeKept(level, line.level) === true) &&
    (wanted?.test(line.message) ?? true) &&
    !unwanted?.test(line.message);
}

function expression(text: string | undefined): RegExp | "unknown" | undefined {
  if (text === undefined) return undefined;
  const [, flags = "", rest = ""] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(text) ?? [];
  try {
    return new RegExp(rest, `u${flags}`);
  } catch {
    return "unknown";
  }
}

/** `web` matches `web.1`, and a star matches any text. */
function isOf(dyno: string, name: string): boolean {
  if (!name.includes("*")) return dyno === name || dyno.startsWith(`${name}.`);
  const parts = name.split("*").map((part) => part.replace(/[^\w]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(dyno);
}
