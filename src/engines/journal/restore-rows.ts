/** Restores the rows of a segment's runs from the segment itself when its index file cannot be read. */
import type { ChannelId } from "../../core/ids.ts";
import type { Channel } from "./channel.ts";
import { type Row, Rows } from "./rows.ts";
import type { Run } from "./run.ts";
import { type Found, scanSegment } from "./scan.ts";
import type { Segment } from "./segment.ts";

/** Puts the rows of all runs of `segment` into memory, where they stay until its index is written again. */
export async function restoreRows(segment: Segment): Promise<void> {
  const { entries } = scanSegment(await segment.readAll(), segment.number, true);
  const lives = livesOf(entries);
  for (const channels of channelsById(segment).values()) {
    const found = (lives.get(channels[0]!.id) ?? []).filter((rows) => rows.length > 0);
    // Lives that were erased no longer have a run; they came before those that have one.
    channels.forEach((channel, i) => {
      restoreChannel(channel, segment, found.at(i - channels.length) ?? []);
    });
  }
}

/** The rows of each channel, separated by its destructions. */
function livesOf(entries: readonly Found[]): ReadonlyMap<ChannelId, Row[][]> {
  const lives = new Map<ChannelId, Row[][]>();
  for (const { entry, offset, size } of entries) {
    const ofChannel = lives.get(entry.channel) ?? [[]];
    lives.set(entry.channel, ofChannel);
    const { line, bytesBefore, acceptedAtMs } = entry;
    if (entry.kind === "destroyed") ofChannel.push([]);
    else if (entry.kind === "lines")
      ofChannel.at(-1)!.push({ line, bytesBefore, acceptedAtMs, offset, size });
  }
  return lives;
}

/** The channels with runs in this segment; those with the same id in the order of their lives. */
function channelsById(segment: Segment): ReadonlyMap<ChannelId, Channel[]> {
  const byId = new Map<ChannelId, Channel[]>();
  for (const { channel } of segment.runs) {
    const channels = byId.get(channel.id) ?? [];
    byId.set(channel.id, channels);
    if (!channels.includes(channel)) channels.push(channel);
  }
  for (const channels of byId.values()) channels.sort((a, b) => a.instance - b.instance);
  return byId;
}

function restoreChannel(channel: Channel, segment: Segment, found: readonly Row[]): void {
  const runs = [...segment.runs].filter((run) => run.channel === channel);
  runs.sort((a, b) => a.endLine - b.endLine);
  const rows = new Map<Run, Rows>(runs.map((run) => [run, new Rows()]));
  for (const row of found) {
    const run = runs.find(({ endLine }) => endLine > row.line);
    if (run !== undefined) rows.get(run)!.push(row);
  }
  for (const [run, restored] of rows) run.rowsAre(restored);
}
