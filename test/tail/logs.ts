/** Logs for these tests: the model, and the embedded engine in a folder of its own. */
import { realClock } from "../../src/clock.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { ChannelLog, Clock } from "../../src/ports.ts";

const unbounded = {
  ageMsMax: Number.POSITIVE_INFINITY,
  channelBytesMax: Number.POSITIVE_INFINITY,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: Number.POSITIVE_INFINITY,
};

/** A log in memory that keeps `retainLines` lines of each channel. */
export async function openMemoryLog({
  retainLines = Number.POSITIVE_INFINITY,
  clock = realClock,
}: {
  retainLines?: number;
  clock?: Clock;
} = {}): Promise<ChannelLog> {
  const { log } = await openMemory({ clock, retention: { ...unbounded, channelLinesMax: retainLines } });
  return log;
}
