/** Reads existing lines: those before a place, and those that a search finds. */
import { ApiFailure, api } from "../api.ts";
import type { SessionBody } from "../api-types.ts";
import { EventStream } from "./event-stream.ts";
import { type Line, lineOf, type WireLine } from "./line.ts";
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

/** The newest lines that `body` asks for, without any that come later. */
export async function readLines(app: string, body: SessionBody, signal: AbortSignal): Promise<FoundLines> {
  const path = await api.openSession(app, { ...body, tail: false, format: "json", progress: true }, signal);
  const response = await fetch(path, { headers: { accept: "text/event-stream" }, cache: "no-store", signal });
  if (!response.ok) throw new ApiFailure(response.status, "The server opens no stream.");
  const lines: Line[] = [];
  let isAll = false;
  let isForeign = false;
  let found: readonly number[] = [];
  for (const { type, data } of new EventStream().feed(await response.text())) {
    if (type === "message") lines.push(lineOf(JSON.parse(data) as WireLine));
    if (type === "searched") {
      const searched = JSON.parse(data) as Searched;
      isAll = searched.end === "all";
      found = searched.found ?? found;
    }
    if (type === "log-replaced") isForeign = true;
    if (lines.length % 16 === 0 && slice.isOver()) await slice.next();
  }
  signal.throwIfAborted();
  return { lines, isAll, isForeign, found };
}
