/**
 * The lines of a round, each channel's in a batch of its own, in memory that is used again. They are not in the streams
 * of their channels: a client whose lines the log refuses may leave with them, and its next connection brings them again.
 */
import type { Origin } from "../../core/batch/canonical.ts";
import type { PlainFrame } from "../../core/batch/plain-frame.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { type ClosedBatch, OpenBatch, type Sender } from "../queues/open-batch.ts";
import { Origins } from "../queues/origins.ts";
import type { Rooms } from "../queues/rooms.ts";
import type { LineTarget } from "../routing/router.ts";
import { ShortWay } from "../syslog/short-way.ts";

/** A round is answered as a whole. */
const nobody: Sender = { settle: () => {} };

class ChannelLines {
  readonly origins = new Origins();
  readonly batch: OpenBatch;

  constructor(batch: OpenBatch) {
    this.batch = batch;
  }

  addPlain(sender: Sender, bytes: Uint8Array, frame: PlainFrame, origin: Origin): number {
    return this.batch.addPlain(sender, bytes, frame, origin);
  }
}

export class RoundLines implements LineTarget {
  readonly #rooms: Rooms;
  readonly #shortWay = new ShortWay<ChannelLines>((channel) => this.#of(channel));
  readonly #channels = new Map<ChannelId, ChannelLines>();
  /** Those of a batch of the last round. */
  #bytes = 0;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** Call at the beginning of a read. The tokens that are remembered are kept if the registry still has this version. */
  begin(version: number): void {
    this.#shortWay.begin(version);
  }

  place(record: TokenRecord, source: string, bytes: Uint8Array, header: SyslogHeader, nowMs: number): void {
    const { batch, origins } = this.#of(record.channel);
    batch.add(nobody, bytes, header, nowMs, origins.of(record, source));
  }

  /** Adds a frame that is plain and whose token is known; false when it has to take the long way. */
  placePlain(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#shortWay.add(nobody, bytes, start, end) > 0;
  }

  knows(name: Uint8Array, record: TokenRecord): void {
    const lines = this.#of(record.channel);
    this.#shortWay.learn(name, record.channel, lines, lines.origins.of(record, record.source));
  }

  /** The lines of each channel, in order; the next round begins. */
  take(): (readonly [ChannelId, ClosedBatch])[] {
    const taken = [...this.#channels].map(([channel, { batch }]) => [channel, batch.close()] as const);
    const bytes = taken.reduce((sum, [, { lines }]) => sum + lines.bytes.length, 0);
    this.#bytes = taken.length === 0 ? 0 : bytes / taken.length;
    this.#channels.clear();
    this.#shortWay.rest();
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
