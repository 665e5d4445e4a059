/**
 * Decides which lines are still wanted: by age, by each channel's own limits, and by all bytes together. Moves no
 * bytes itself.
 */
import { trimmedLines } from "../../metrics.ts";
import type { Retention as Limits } from "../engine.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import type { Segment } from "./segment.ts";

/** The most channels to trim after one commit; others wait for the next. */
const channelsAtOnce = 64;
const stretchMsMax = 60_000;

export class Retention {
  readonly #limits: Limits;
  readonly #low: Pick<Limits, "channelBytesMax" | "channelLinesMax">;
  /** Channels that exceed their own limits. */
  readonly #over = new Set<Channel>();
  readonly #stretchMs: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(limits: Limits, channels: Channels) {
    this.#limits = limits;
    this.#low = {
      channelBytesMax: aLittleBelow(limits.channelBytesMax),
      channelLinesMax: aLittleBelow(limits.channelLinesMax),
    };
    this.#stretchMs = Math.min(stretchMsMax, Math.max(1, Math.ceil(limits.ageMsMax / 64)));
    for (const channel of channels) this.grown(channel);
  }

  /** The channel has grown. */
  grown(channel: Channel): void {
    const { channelBytesMax, channelLinesMax } = this.#limits;
    const isOver =
      channel.bytes - channel.firstBytes > channelBytesMax ||
      channel.line - channel.firstLine > channelLinesMax;
    if (isOver) this.#over.add(channel);
  }

  /** Trims some of the channels that exceed their own limits. */
  trimChannels(): void {
    let left = channelsAtOnce;
    for (const channel of this.#over) {
      if (left-- === 0) break;
      this.#over.delete(channel);
      this.#trimChannel(channel);
    }
  }

  /** Removes what was accepted longer before `nowMs` than the age; looks only once in a while. */
  trimOld(segments: readonly Segment[], nowMs: number): void {
    if (this.#limits.ageMsMax === Number.POSITIVE_INFINITY) return;
    if (Math.abs(nowMs - this.#lookedAtMs) < this.#stretchMs) return;
    this.#lookedAtMs = nowMs;
    const untilMs = nowMs - this.#limits.ageMsMax;
    for (const segment of segments) {
      for (const run of segment.runs) {
        if (run.isLive && run.firstAcceptedMs <= untilMs) trimBefore(run.channel, untilMs);
      }
    }
  }

  /** Removes the oldest segments' lines while all segments together exceed their limit. */
  trimTotal(segments: readonly Segment[], active: Segment | undefined): void {
    let bytes = segments.reduce((sum, { end, indexBytes }) => sum + end + indexBytes, 0);
    const full = segments.filter((segment) => segment !== active && segment.isLive);
    const oldestFirst = full.map((segment) => ({ segment, newestMs: newestOf(segment) }));
    oldestFirst.sort((a, b) => a.newestMs - b.newestMs);
    for (const { segment } of oldestFirst) {
      if (bytes <= this.#limits.totalBytesMax) return;
      bytes -= segment.end + segment.indexBytes;
      for (const run of segment.runs) if (run.isLive) takeOff(run.channel, run.endLine);
    }
  }

  // The newest batch stays, whatever the limits are.
  #trimChannel(channel: Channel): void {
    const { channelBytesMax, channelLinesMax } = this.#low;
    for (const run of [...channel.runs]) {
      const isNewest = run === channel.runs.at(-1);
      const fits = (bytesBefore: number, line: number) =>
        channel.bytes - bytesBefore <= channelBytesMax && channel.line - line <= channelLinesMax;
      if (!isNewest && !fits(run.bytesAfter, run.endLine)) continue;
      const index = run.firstIndex((row) => fits(row.bytesBefore, row.line));
      const line = index < run.rowCount ? run.row(index).line : isNewest ? run.newest!.line : run.endLine;
      takeOff(channel, line);
      return;
    }
  }
}

function takeOff(channel: Channel, line: number): void {
  const before = channel.firstLine;
  channel.trimTo(line);
  trimmedLines.inc(channel.firstLine - before);
}

function trimBefore(channel: Channel, untilMs: number): void {
  for (const run of [...channel.runs]) {
    if (run.lastAcceptedMs < untilMs) {
      takeOff(channel, run.endLine);
      continue;
    }
    const index = run.firstIndex((row) => row.acceptedAtMs >= untilMs);
    if (index < run.rowCount) takeOff(channel, run.row(index).line);
    return;
  }
}

function newestOf(segment: Segment): number {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const run of segment.runs) if (run.isLive) newestMs = Math.max(newestMs, run.lastAcceptedMs);
  return newestMs;
}

/** A channel over its limit is trimmed to slightly below it, so that not every append has to trim. */
const aLittleBelow = (limit: number): number =>
  limit === Number.POSITIVE_INFINITY ? limit : limit - Math.floor(limit / 2 ** 20) * 2 ** 13;
