/** Describes a search of an app's log. */
import type { SessionBody } from "../api/api-types.ts";
import { isFiltered } from "./line-test.ts";

/** The progress of a search. `end` says why it stopped; null while it goes on. */
export type Searched = {
  readonly lines: number;
  /** RFC 3339: when the oldest line that was searched was accepted. */
  readonly since: string | null;
  readonly matches: number;
  readonly end: "found" | "all" | "time" | null;
};

/** Reads the data of a `searched` event; undefined for other text. */
export function readSearched(data: string): Searched | undefined {
  try {
    const { lines = 0, since = null, matches = 0, end = null } = JSON.parse(data);
    return { lines, since, matches, end };
  } catch {
    return undefined;
  }
}

/** The text while it goes on. */
export const searchProgress = (app: string, searched: Searched): string =>
  `${app}: searched ${extent(searched)}; ${count(searched.matches)} found`;

/**
 * The text when it has ended: where nothing was found, or that older lines were not searched. Undefined if the lines
 * speak for themselves.
 */
export function searchOutcome(app: string, session: SessionBody, searched: Searched): string | undefined {
  if (searched.end === "time") {
    const found = searched.matches > 0 ? `Older lines of ${app} may match` : `No line of ${app} was found`;
    return `${found}: the search was given up after ${extent(searched)}. Add --since, or write a simpler pattern.`;
  }
  if (searched.matches > 0 || session.lines === 0) return undefined;
  if (searched.lines === 0 || !isFiltered(session)) return nothingFound(app, session);
  return `No line of ${app} matches, of ${extent(searched)}.`;
}

/** The same for a server that does not report progress. */
export function nothingFound(app: string, session: SessionBody): string {
  if (isFiltered(session)) return `No line of ${app} matches.`;
  return `${app} has no lines${timeAsked(session)}.`;
}

function timeAsked({ since, until }: SessionBody): string {
  if (until === undefined) return since === undefined ? "" : " since then";
  return since === undefined ? " before that time" : " in that time";
}

const extent = ({ lines, since }: Searched): string =>
  `${count(lines)} ${lines === 1 ? "line" : "lines"}${since === null ? "" : ` since ${localTime(new Date(since))}`}`;

/** `3,214,900`. */
export const count = (n: number): string => n.toLocaleString("en-US");

/** `21 Nov 2026 10:00`, in the reader's own zone. */
function localTime(at: Date): string {
  const month = at.toLocaleString("en-US", { month: "short" });
  const [hour, minute] = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0"));
  return `${at.getDate()} ${month} ${at.getFullYear()} ${hour}:${minute}`;
}
