/** Opens a folder's log: reads what is there, finishes what was left undone, and begins to write. */
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
  /** Told the room from time to time. */
  readonly room?: (room: Room) => void;
  /** The size at which a segment is closed; by default it follows from the limits. */
  readonly segmentBytes?: number;
  /** Told of bytes or lines that were acknowledged and cannot be read. */
  readonly damaged?: (what: { readonly bytes: number } | { readonly lines: number }) => void;
};

/** A small log has small segments, so that its limit can be kept; so has one whose files may not be large. */
const segmentBytesFor = ({ totalBytesMax }: Limits): number => {
  const wanted = Math.max(segmentBytesMin, Math.floor(totalBytesMax / segmentsAtLeast));
  return Math.min(segmentBytesMax, wanted, Math.floor(fileSizeLimit() / 2));
};

const segmentBytesMax = 64 * 1024 * 1024;
const segmentBytesMin = 64 * 1024;
const segmentsAtLeast = 16;
const segmentMsMin = 60_000;

/** The bytes of the segments, and roughly how many of them are still wanted. */
type Room = { readonly bytes: number; readonly liveBytes: number };

/** The log, and how much space it uses. */
export type OpenJournal = {
  readonly log: ChannelLog;
  room(): Room;
  /** The extent of the log now. */
  extent(): LogExtent;
  /** True when every file is where the next start will look for it. */
  isInPlace(): boolean;
  /** The number of segments when it was opened. */
  readonly segments: number;
  /** Creates the first segment if there is none: from then on, an empty folder is one that lost its lines. */
  begin(): Promise<void>;
  /** Adds batches of a channel after everything that it has, each at its own line. */
  import(channel: ChannelId, incarnation: string, batches: readonly ImportedBatch[]): Promise<void>;
  /** Sets the end of a channel without lines. */
  importEnd(channel: ChannelId, incarnation: string, tail: ChannelTail): Promise<void>;
  /** Closes the log, finishes what is under way, and closes every file. Idempotent. */
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
        upkeep.soon(); // it meets the same failure, reports it and mends it
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

/**
 * The dedup ids of the last 10 minutes, oldest first. Segments without an index keep theirs for when it is written.
 */
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
