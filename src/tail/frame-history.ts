/**
 * The newest lines of a channel as octet-counted frames in the form of an HTTPS drain, each with a newline behind it that
 * it counts (docs/spec/apis.md#v2-6). They are pulled batch by batch, as those of a tail are: a reader that does not pull
 * holds the batch it is at, which it shares with all others who read the same.
 */
import { LRUCache } from "lru-cache";
import { endOf, positionIn, type StoredBatch } from "../core/batch/batch.ts";
import { LineCursor } from "../core/batch/line-cursor.ts";
import { framesFrom, toLogplex } from "../core/batch/lines.ts";
import type { ChannelId } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import { tailLostLines } from "../metrics.ts";
import type { ChannelLog, From } from "../ports.ts";
import { batchesFrom } from "./batches-from.ts";
import type { History, Recent } from "./recent.ts";
import type { ReadSession } from "./session.ts";
import type { TailPart } from "./tail-part.ts";

type FrameHistoryOptions = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  /** Frames kept for those who read the same next. */
  readonly framesBytesMax: number;
};

/** The number of lines to come, and how they are read. Reading ends with `LinesGone` when there are fewer after all. */
export type OpenedFrames = { readonly lines: number; readonly read: ReadSession };

/** Retention or the end of the app took lines before their reader did. */
export class LinesGone extends Error {}

const newline = 0x0a;
/** A frame grows by its newline and by one more digit at most. */
const growthBytesMax = 2;

export class FrameHistory {
  readonly #options: FrameHistoryOptions;
  readonly #frames: LRUCache<StoredBatch, Buffer>;

  constructor(options: FrameHistoryOptions) {
    this.#options = options;
    this.#frames = new LRUCache({
      maxSize: options.framesBytesMax,
      sizeCalculation: (frames, { bytes }) => frames.length + bytes.length,
    });
  }

  /** Finds the newest `linesMax` lines of the channel. Rejects with what the log says. */
  async open(channel: ChannelId, linesMax: number): Promise<OpenedFrames> {
    const { log, recent } = this.#options;
    const history = await recent.read(channel);
    const { end } = await log.recent(channel, 0); // the ring may be a moment behind
    const due = Math.max(end.line - linesMax, history.batches[0]?.line ?? history.end.line);
    const range = { due, endLine: end.line };
    const from: From = { kind: "after", position: placeBefore(history, due) };
    return { lines: end.line - due, read: (signal) => this.#read(channel, from, range, signal) };
  }

  async *#read(
    channel: ChannelId,
    from: From,
    range: { readonly due: number; readonly endLine: number },
    signal: AbortSignal,
  ): AsyncGenerator<TailPart, void, void> {
    const { endLine } = range;
    let { due } = range;
    if (due === endLine) return;
    for await (const batch of batchesFrom(this.#options, channel, from, signal)) {
      if (batch === "foreign") break;
      const end = Math.min(batch.line + batch.count, endLine);
      if (end <= due) continue;
      if (batch.line > due) {
        tailLostLines.inc(Math.min(batch.line, endLine) - due);
        break;
      }
      const bytes = framesFrom(this.#framesOf(batch), due - batch.line, end - due) as Buffer;
      yield { bytes, count: end - due, position: endOf(batch) };
      due = end;
      if (due === endLine) return;
    }
    if (!signal.aborted) throw new LinesGone();
  }

  #framesOf(batch: StoredBatch): Buffer {
    const known = this.#frames.get(batch);
    if (known !== undefined) return known;
    const frames = withNewlines(toLogplex(batch));
    this.#frames.set(batch, frames);
    return frames;
  }
}

/** The place before line `line`, or the end of what the ring has. */
function placeBefore({ batches, end }: History, line: number): Position {
  const batch = batches.find((one) => one.line + one.count > line);
  return batch === undefined ? end.position : positionIn(batch, line - batch.line);
}

function withNewlines({ bytes, count }: { readonly bytes: Uint8Array; readonly count: number }): Buffer {
  const out = Buffer.allocUnsafeSlow(bytes.length + count * growthBytesMax); // memory of its own: it is kept
  const line = new LineCursor().open(bytes, "logplex");
  let end = 0;
  while (line.next()) {
    end += out.write(`${line.end - line.headStart + 1} `, end, "latin1");
    out.set(bytes.subarray(line.headStart, line.end), end);
    end += line.end - line.headStart;
    out[end++] = newline;
  }
  return out.subarray(0, end);
}
