/** One test line, right now, outside of the app's log and of every ledger. */

import { noticeLine } from "../core/notice.ts";
import { positionAt } from "../core/position.ts";
import type { Clock, Sink, Verdict } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { frameId } from "./parcel.ts";
import { type Step, Trace } from "./trace.ts";

/** What the destination said, and what was done until then, each step with its time; the last is where it failed. */
export type Trial = { readonly verdict: Verdict; readonly steps: readonly Step[] };

/** local7.info, as an app's own lines have it. */
const testPri = 190;

/** Sends the line over a connection of its own and says what the destination said. Throws the AppError of a bad URL. */
export async function tryDrain(
  drain: DrainRecord,
  parts: {
    readonly sinkFor: (drain: DrainRecord, hooks: { readonly trace: Trace }) => Sink;
    readonly clock: Clock;
  },
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const nowMs = parts.clock.nowMs();
  const line = noticeLine(testPri, nowMs, `This is a test line of drain '${drain.token}'.`);
  const trace = new Trace();
  const sink = parts.sinkFor(drain, { trace });
  try {
    const at = positionAt(nowMs, 0);
    const parcel = { frameId: frameId(`${drain.token} test`, at, at), slices: [line], count: 1 };
    const verdict = weighed(await sink.deliver(parcel, signal));
    return { verdict, steps: trace.end(verdict.kind === "delivered" ? undefined : verdict.reason) };
  } finally {
    await sink.close();
  }
}

// A success that takes none of the lines is none.
const weighed = (verdict: Verdict): Verdict =>
  verdict.kind === "delivered" && (verdict.rejected ?? 0) > 0
    ? { kind: "refused", reason: verdict.reason ?? "it rejected the line: check the drain's format" }
    : verdict;
