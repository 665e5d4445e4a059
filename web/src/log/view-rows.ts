/** The rows for the entries that are held: stack traces are folded to their head. */

import { traceStep } from "../../../src/core/message/stack-trace.ts";
import { calendarDayOf, type Zone } from "../parts/words.ts";
import type { Line } from "./line.ts";
import { isMark, type LineRing, type Mark, type RingEntry } from "./line-ring.ts";

export type Row =
  | { readonly kind: "line"; readonly key: string; readonly line: Line; readonly folded: number }
  /** Between matches of a search: this many lines are left out. */
  | { readonly kind: "skip"; readonly key: string; readonly lines: number }
  /** Between lines of two days: the day that begins. */
  | { readonly kind: "day"; readonly key: string; readonly timeMs: number }
  /** Before the oldest kept line: of all, or of those that pass the filter. */
  | { readonly kind: "oldest"; readonly key: string; readonly isAll: boolean }
  | { readonly kind: "mark"; readonly key: string; readonly mark: Mark };

/** The least number of lines for which a trace is folded. */
const foldMin = 2;

/**
 * One row per entry, except for lines of a trace after its first one, which are counted there. `unfolded` holds the
 * keys of open heads. A line of another day, in that zone, than the line before it has the day in front of it; with
 * `tellsSkips`, one whose number does not follow the previous number has the number of lines left out.
 */
export function rowsOf(
  ring: LineRing,
  unfolded: ReadonlySet<string>,
  keep: (line: Line) => boolean,
  zone: Zone = "local",
  tellsSkips = false,
): Row[] {
  const rows: Row[] = [];
  let due: number | undefined;
  let day: readonly [fromMs: number, toMs: number] | undefined;
  for (let n = 0; n < ring.count; n++) {
    const entry = ring.at(n)!;
    if (isMark(entry)) {
      rows.push({ kind: "mark", key: entry.key, mark: entry });
      continue;
    }
    if (!keep(entry)) continue;
    const { timeMs, number } = entry;
    if (tellsSkips && due !== undefined && number !== undefined && number > due)
      rows.push({ kind: "skip", key: `skip ${entry.key}`, lines: number - due });
    if (Number.isFinite(timeMs) && !(day && timeMs >= day[0] && timeMs < day[1])) {
      if (day !== undefined) rows.push({ kind: "day", key: `day ${entry.key}`, timeMs });
      day = calendarDayOf(timeMs, zone);
    }
    const trace = entry.isTrace ? 0 : traceLines(ring, n, entry);
    const folded = trace >= foldMin ? trace : 0;
    rows.push({ kind: "line", key: entry.key, line: entry, folded });
    if (folded > 0 && !unfolded.has(entry.key)) n += folded;
    due = tellsSkips ? numberAfter(ring.at(n)!) : undefined;
  }
  return rows;
}

/** The same below the mark that no older line is kept. */
export const fromOldest = (rows: readonly Row[], isAll: boolean): readonly Row[] =>
  rows.length === 0 ? rows : [{ kind: "oldest", key: "oldest", isAll }, ...rows];

/** The texts of a trace's lines after its head. */
export function traceTexts(ring: LineRing, head: string, lines: number): readonly string[] {
  for (let n = ring.count - 1; n >= 0; n--) {
    if (ring.at(n)!.key !== head) continue;
    return Array.from({ length: lines }, (_, at) => ring.at(n + 1 + at)).flatMap((entry) =>
      entry === undefined || isMark(entry) ? [] : [entry.message],
    );
  }
  return [];
}

const numberAfter = (entry: RingEntry): number | undefined =>
  isMark(entry) || entry.number === undefined ? undefined : entry.number + 1;

/** The lines of a trace after its head; in Python, without its last line, which alone says what went wrong. */
function traceLines(ring: LineRing, head: number, { dyno, source, opens }: Line): number {
  let state = opens;
  let n = head + 1;
  let said = n;
  for (; n < ring.count; n++) {
    const entry = ring.at(n)!;
    if (isMark(entry) || entry.dyno !== dyno || entry.source !== source) break;
    if (state === "none" && !entry.isTrace) break;
    const step = traceStep(state, entry.message);
    if (!step.continues && !entry.isTrace) break;
    state = step.continues ? step.state : "none";
    if (entry.message.trim() !== "") said = n;
  }
  return (state === "python-end" ? said : n) - head - 1;
}
