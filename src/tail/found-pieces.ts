/** Bounds the pieces of logs that readers of found lines hold. */
import { LRUCache } from "lru-cache";
import type { StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import type { ChannelLog } from "../ports.ts";
import type { Recent } from "./recent.ts";

/** Bytes of the log that are read at a time; a larger batch is read whole. */
const pieceBytesMax = 256 * 1024;
const pieceLines = 1_000;

/** The pieces that readers hold. The least recently read one is dropped, and read again when it is needed. */
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

  /** The batch with line `line`; undefined when it was trimmed. Callers ask for lines in order. */
  async holding(line: number): Promise<StoredBatch | undefined> {
    const { log, recent, pieces } = this.#parts;
    const isHolding = (batch: StoredBatch) => batch.line <= line && batch.line + batch.count > line;
    const kept = recent.holding(this.#channel, line) ?? pieces.get(this).find(isHolding);
    if (kept !== undefined) return kept;
    // A piece holds the newest batches that fit. If these do not reach back to the line, a shorter piece is tried.
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
