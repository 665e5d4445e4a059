/**
 * Tells what a search found from its neighbours, as far as a browser can tell: expressions that it does not know, and
 * levels between the grades, are left to the server, and all lines then count as found.
 */
import { type Filter, hasNeighbours, isGradeKept } from "./filter.ts";
import type { Line } from "./line.ts";

/** Undefined where there are no neighbours, or none can be told from what was found. */
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

/** `web` is `web.1`, and a star is any text. */
function isOf(dyno: string, name: string): boolean {
  if (!name.includes("*")) return dyno === name || dyno.startsWith(`${name}.`);
  const parts = name.split("*").map((part) => part.replace(/[^\w]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(dyno);
}
