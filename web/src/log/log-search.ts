/** Reads existing lines: those before a place, and those that a search finds. */

import { api } from "../api.ts";
import { ApiFailure } from "../api-failure.ts";
import type { SessionBody } from "../api-types.ts";
import { eventsIn } from "./event-stream.ts";
import { type Line, lineOf, type WireLine } from "./line.ts";
import { LineRing, type RingBounds } from "./line-ring.ts";
import { slice } from "./slice.ts";

export type FoundLines = {
  /** Oldest first. */
  readonly lines: readonly Line[];
  /** True if nothing older is kept, or asked for. */
  readonly isAll: boolean;
  /** True if the place does not belong to the present log. */
  readonly isForeign: boolean;
  /** With neighbours: the numbers of the lines that were searched for. Only the server runs expressions over a log. */
  readonly found: readonly number[];
};

type Searched = { readonly end: string | null; readonly found?: readonly number[] };

/** What is asked for: matches, with this many neighbours each. */
type Asked = SessionBody & {
  readonly lines: number;
  readonly context_before?: number;
  readonly context_after?: number;
};

/** Events of an answer besides the lines that were asked for: how far a search has come, and notices. */
const otherEventsMax = 1_000;

/**
 * The newest lines that `asked` means, without any that come later, and no more of them than fit into `bounds`. Throws
 * if more events come than belong to such an answer.
 */
export async function readLines(
  app: string,
  asked: Asked,
  bounds: RingBounds,
  signal: AbortSignal,
): Promise<FoundLines> {
  const path = await api.openSession(app, { ...asked, tail: false, format: "json", progress: true }, signal);
  const response = await fetch(path, { headers: { accept: "text/event-stream" }, cache: "no-store", signal });
  if (!response.ok) throw new ApiFailure(response.status, "The server opens no stream.");
  const { lines: matches, context_before = 0, context_after = 0 } = asked;
  let eventsLeft = matches * (1 + context_before + context_after) + otherEventsMax;
  const lines = new LineRing(bounds);
  let isCut = false;
  let isAll = false;
  let isForeign = false;
  let found: readonly number[] = [];
  for await (const events of eventsIn(response)) {
    for (const { type, data } of events) {
      if (eventsLeft-- === 0) throw new ApiFailure(0, "The server sends more than it was asked for.");
      if (type === "message" && lines.pushNewer([lineOf(JSON.parse(data) as WireLine)]) > 0) isCut = true;
      if (type === "searched") {
        const searched = JSON.parse(data) as Searched;
        isAll = searched.end === "all";
        found = searched.found ?? found;
      }
      if (type === "log-replaced") isForeign = true;
      if (slice.isOver()) await slice.next();
    }
  }
  signal.throwIfAborted();
  return { lines: lines.all(), isAll: isAll && !isCut, isForeign, found: found.slice(0, matches) };
}
