/** Opens a folder's log: reads what is there, takes up what was left undone, and begins to write. */
import type { Logger } from "pino";
import type { ChannelId } from "../../core/ids.ts";
import type { ChannelLog, Clock } from "../../ports.ts";
import { fileSizeLimit } from "../disk/free-space.ts";
import { dedupMs, type Retention as Limits } from "../engine.ts";
import type { LogExtent } from "../last-stop.ts";
import type { ChannelTail } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { Collector } from "./collector.ts";
import { DedupWindow } from "./dedup-window.ts";
import type { Disk } from "./disk.ts";
import { Eraser } from "./eraser.ts";
import { ImportBatches, ImportEnd, type ImportedBatch } from "./import.ts";
import { type Guard, Journal, submitted } from "./journal.ts";
import { JournalClock } from "./journal-clock.ts";
import { JournalLog } from "./log.ts";
import { Reader } from "./reader.ts";
import { recover } from "./recovery.ts";
import { Retention } from "./retention.ts";
import type { Segment } from "./segment.ts";
import { Upkeep } from "./upkeep.ts";

type JournalOptions = {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  readonly retention: Limits;
  readonly guard?: Guard | undefined;
  /** Told of the room from time to time. */
  readonly room?: (room: Room) => void;
  /** A segment is closed at this size; by default what fits the limits. */
  readonly segmentBytes?: number;
  /** Told of bytes or lines that were acknowledged and cannot be read. */
  readonly damaged?: (what: { readonly bytes: number } | { readonly lines: number }) => void;
};

/** A small log has small segments, so that its limit can be kept; and so has one whose files may not be large. */
const segmentBytesFor = ({ totalBytesMax }: Limits): number => {
  const wanted = Math.max(segmentBytesMin, Math.floor(totalBytesMax / segmentsAtLeast));
  return Math.min(segmentBytesMax, wanted, Math.floor(fileSizeLimit() / 2));
};

const segmentBytesMax = 64 * 1024 * 1024;
const segmentBytesMin = 64 * 1024;
const segmentsAtLeast = 16;
const segmentMsMin = 60_000;

/** Bytes of the segments, and how many of them hold lines that are still wanted, about. */
type Room = { readonly bytes: number; readonly liveBytes: number };

/** The log, and what of its room on the disk is in use. */
export type OpenJournal = {
  readonly log: ChannelLog;
  room(): Room;
  /** The bytes that are there now. */
  extent(): LogExtent;
  /** Is every file of it where the next start will look? */
  isInPlace(): boolean;
  /** How many segments were there when it was opened. */
  readonly segments: number;
  /** Makes the first segment, where there is none: from here on an empty folder is one that lost its lines. */
  begin(): Promise<void>;
  /** Puts batches of a channel behind all that it has, each at its own line. */
  import(channel: ChannelId, incarnation: string, batches: readonly ImportedBatch[]): Promise<void>;
  /** Says where a channel goes on of which no line is left. */
  importEnd(channel: ChannelId, incarnation: string, tail: ChannelTail): Promise<void>;
  /** Ends the log, finishes what is under way, closes every file. Idempotent. */
  close(): Promise<void>;
};

export async function openJournal({
  disk,
  clock,
  logger,
  retention: limits,
  guard,
  room = () => {},
  damaged = () => {},
  segmentBytes = segmentBytesFor(limits),
}: JournalOptions): Promise<OpenJournal> {
  const recovered = await recover({ disk, logger, damaged: (bytes) => damaged({ bytes }) });
  const { segments, channels, destroyed, unindexed } = recovered;
  const times = new JournalClock(clock, segments.findLast((segment) => segment.times !== undefined)?.times);
  const dedup = dedupWindowOf(segments, new Set([...unindexed, ...segments.slice(-1)]), times.ranMs);
  const retention = new Retention(limits, channels);
  const journal: Journal = new Journal({
    disk,
    segments,
    segmentBytesMax: segmentBytes,
    clock,
    times: () => times.times,
    logger,
    guard,
    formed: () => {
      channels.formed();
      try {
        retention.trimChannels();
      } catch {
        upkeep.soon(); // it meets the same failure, tells it and mends it
      }
    },
    sealed: (segment) => upkeep.sealed(segment),
  });
  const eraser = new Eraser(journal, destroyed, logger);
  const collector = new Collector(journal, 2 * segmentBytes);
  const segmentMsMax = Math.max(segmentMsMin, limits.ageMsMax / segmentsAtLeast);
  const upkeep = new Upkeep({
    journal,
    retention,
    collector,
    eraser,
    clock,
    times,
    logger,
    segmentMsMax,
    unindexed,
    looked: () => room(collector.room),
  });
  const log = new JournalLog({
    channels,
    dedup,
    journal,
    reader: new Reader({ logger, damaged: (lines) => damaged({ lines }) }),
    times,
    grown: (channel) => retention.grown(channel),
    destroyed: (channel) => {
      eraser.add(channel);
      upkeep.soon();
    },
  });
  upkeep.start();
  return opened({ log, journal, upkeep, collector, channels }, segments.length);
}

type Parts = {
  readonly log: JournalLog;
  readonly journal: Journal;
  readonly upkeep: Upkeep;
  readonly collector: Collector;
  readonly channels: Channels;
};

function opened({ log, journal, upkeep, collector, channels }: Parts, segments: number): OpenJournal {
  let closing: Promise<void> | undefined;
  const close = async () => {
    await log.close();
    await journal.close();
    await upkeep.close();
    for (const segment of journal.segments) await segment.close();
  };
  return {
    log,
    room: () => collector.room,
    extent: () => ({
      commit: Math.max(0, ...journal.segments.map(({ commit }) => commit)),
      segments: journal.segments.map(({ number }) => number),
    }),
    isInPlace: () => journal.missing() === undefined,
    segments,
    begin: () => journal.begin(),
    import: (id, incarnation, batches) =>
      submitted(journal, (done) => new ImportBatches(channels.recovered(id, incarnation), batches, done)),
    importEnd: (id, incarnation, tail) =>
      submitted(journal, (done) => new ImportEnd(channels.recovered(id, incarnation), tail, done)),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** The names of the requests of the last 10 minutes, oldest first. Segments without an index keep theirs for it. */
function dedupWindowOf(
  segments: readonly Segment[],
  unindexed: ReadonlySet<Segment>,
  ranMs: number,
): DedupWindow {
  const dedup = new DedupWindow();
  for (const segment of segments) {
    const counted = segment.dedupIds.filter(
      ({ atMs, channel }) => ranMs - atMs < dedupMs && !channel.isDestroyed,
    );
    for (const { channel, id, atMs, ...stored } of counted) dedup.add(channel.instance, id, stored, atMs);
    segment.dedupIds = unindexed.has(segment) ? counted : [];
  }
  return dedup;
}
