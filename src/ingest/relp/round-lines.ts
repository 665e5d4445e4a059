/**
 * The lines of a round, each channel's in a batch of its own, in memory that is used again. They are not in the streams
 * of their channels: a client whose lines the log refuses may leave with them, and its next connection brings them again.
 */

import type { StagedLines } from "../../core/batch/line-code.ts";
import { plainLines } from "../../core/batch/plain-lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { type ClosedBatch, OpenBatch, type Sender } from "../queues/open-batch.ts";
import { Origins } from "../queues/origins.ts";
import type { Rooms } from "../queues/rooms.ts";
import type { LineTarget, TokenLookup } from "../routing/router.ts";

/** A round is answered as a whole. */
const nobody: Sender = { settle: () => {} };

class ChannelLines {
  readonly origins = new Origins();
  readonly batch: OpenBatch;

  constructor(batch: OpenBatch) {
    this.batch = batch;
  }
}

export class RoundLines implements LineTarget {
  readonly #rooms: Rooms;
  readonly #tokens: TokenLookup;
  readonly #channels = new Map<ChannelId, ChannelLines>();
  /** Those of a batch of the last round. */
  #bytes = 0;

  /** `tokens`: those that `knows` is told of. */
  constructor(rooms: Rooms, tokens: TokenLookup) {
    this.#rooms = rooms;
    this.#tokens = tokens;
  }

  /** Call at the beginning of a read. */
  begin(): void {
    plainLines.begin(this.#tokens, this.#tokens.version);
  }

  place(record: TokenRecord, source: string, bytes: Uint8Array, header: SyslogHeader, nowMs: number): void {
    const { batch, origins } = this.#of(record.channel);
    batch.add(nobody, bytes, header, nowMs, origins.of(record, source));
  }

  /** Adds a frame that is plain and whose token is known; false when it has to take the general path. */
  placePlain(bytes: Uint8Array, start: number, end: number): boolean {
    return plainLines.takeOne(bytes, start, end, this.#place);
  }

  readonly #place = (channel: ChannelId, lines: StagedLines): void => {
    this.#of(channel).batch.addLines(nobody, lines);
  };

  knows(name: Uint8Array, record: TokenRecord): void {
    const origin = this.#of(record.channel).origins.of(record, record.source);
    plainLines.know(this.#tokens, name, record.channel, origin);
  }

  /** The lines of each channel, in order; the next round begins. */
  take(): (readonly [ChannelId, ClosedBatch])[] {
    const taken = [...this.#channels].map(([channel, { batch }]) => [channel, batch.close()] as const);
    const bytes = taken.reduce((sum, [, { lines }]) => sum + lines.bytes.length, 0);
    this.#bytes = taken.length === 0 ? 0 : bytes / taken.length;
    this.#channels.clear();
    return taken;
  }

  #of(channel: ChannelId): ChannelLines {
    let lines = this.#channels.get(channel);
    if (lines === undefined) {
      lines = new ChannelLines(new OpenBatch(this.#rooms, this.#bytes));
      this.#channels.set(channel, lines);
    }
    return lines;
  }
}
