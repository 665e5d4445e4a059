/** One test line, right now, outside of the app's log and of every ledger. */

import { noticeLine } from "../core/notice.ts";
import { positionAt } from "../core/position.ts";
import type { Clock, Sink, Verdict } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { frameId } from "./parcel.ts";

/** local7.info, as an app's own lines have it. */
const testPri = 190;

/** Sends the line over a connection of its own and says what the destination said. Throws the AppError of a bad URL. */
export async function tryDrain(
  drain: DrainRecord,
  parts: { readonly sinkFor: (drain: DrainRecord) => Sink; readonly clock: Clock },
  signal: AbortSignal = new AbortController().signal,
): Promise<Verdict> {
  const nowMs = parts.clock.nowMs();
  const line = noticeLine(testPri, nowMs, `This is a test line of drain '${drain.token}'.`);
  const sink = parts.sinkFor(drain);
  try {
    const at = positionAt(nowMs, 0);
    return await sink.deliver(
      { frameId: frameId(`${drain.token} test`, at, at), slices: [line], count: 1 },
      signal,
    );
  } finally {
    await sink.close();
  }
}
