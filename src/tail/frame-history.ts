/**
 * The newest lines of a channel as octet-counted frames in the form of an HTTPS drain, each followed by a newline
 * that it counts (docs/spec/apis.md#v2-6). They are pulled batch by batch, like those of a tail: a reader that does
 * not pull holds one batch, shared with everybody who reads the same.
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
  /** Frames that are kept for later readers of the same. */
  readonly framesBytesMax: number;
};

/**
 * The number of lines that will come, and the function that reads them. Reading ends with `LinesGone` if there are
 * fewer in the end.
 */
export type OpenedFrames = { readonly lines: number; readonly read: ReadSession };

/** Lines were trimmed, or the app was destroyed, before they were read. */
export class LinesGone extends Error {}

const newline = 0x0a;
/** A frame grows by its newline and at most one more digit. */
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

  /** Finds the newest `linesMax` lines of the channel. Rejects with the log's own error. */
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
      yield { bytes, count: end - due, position: endOf(batch), of: batch.bytes };
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
  const out = Buffer.allocUnsafeSlow(bytes.length + count * growthBytesMax); // memory of its own, because it is kept
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
