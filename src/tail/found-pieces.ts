/** Bounds the pieces of logs that readers of found lines are holding. */
import { LRUCache } from "lru-cache";
import type { StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import type { ChannelLog } from "../ports.ts";
import type { Recent } from "./recent.ts";

/** Bytes read of the log at a time; a larger batch is read whole. */
const pieceBytesMax = 256 * 1024;
const pieceLines = 1_000;

/** The pieces that readers hold; the one that was read least recently is dropped, and read again. */
export class Pieces {
  readonly #pieces: LRUCache<FoundPieces, readonly StoredBatch[]>;

  constructor(bytesMax: number) {
    this.#pieces = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (batches) => 1 + batches.reduce((sum, { bytes }) => sum + bytes.length, 0),
    });
  }

  get(of: FoundPieces): readonly StoredBatch[] {
    return this.#pieces.get(of) ?? [];
  }

  keep(of: FoundPieces, batches: readonly StoredBatch[]): void {
    this.#pieces.set(of, batches);
  }

  drop(of: FoundPieces): void {
    this.#pieces.delete(of);
  }
}

type PiecesParts = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly pieces: Pieces;
};

export class FoundPieces {
  readonly #parts: PiecesParts;
  readonly #channel: ChannelId;

  constructor(parts: PiecesParts, channel: ChannelId) {
    this.#parts = parts;
    this.#channel = channel;
  }

  /** The batch that holds line `line`; undefined when it is gone. Callers ask for one line after the other. */
  async holding(line: number): Promise<StoredBatch | undefined> {
    const { log, recent, pieces } = this.#parts;
    const isHolding = (batch: StoredBatch) => batch.line <= line && batch.line + batch.count > line;
    const kept = recent.holding(this.#channel, line) ?? pieces.get(this).find(isHolding);
    if (kept !== undefined) return kept;
    // A piece holds the newest batches that fit into it: when these do not reach back to the line, a shorter piece
    // does.
    for (let lines = pieceLines; ; lines = Math.floor(lines / 4)) {
      const within = { endLine: line + Math.max(1, lines), bytesMax: pieceBytesMax };
      const { batches } = await log.recent(this.#channel, Math.max(1, lines), within);
      const held = batches.find(isHolding);
      if (held === undefined && lines > 1) continue;
      pieces.keep(this, batches);
      return held;
    }
  }

  close(): void {
    this.#parts.pieces.drop(this);
  }
}
