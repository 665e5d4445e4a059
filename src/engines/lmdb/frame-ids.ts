/**
 * Frame ids of the last 10 minutes, written in the transaction of their append. Keys begin with a window of 10
 * minutes: a look-up asks two windows, and old ids lie together at the front, where they are removed a few at a time.
 *
 * Ages are of the time that the server ran, whatever the time of day does: the window goes on, at the next start, where
 * the newest id lies. A stop makes ids live longer, and nothing makes one live shorter.
 */
import type { Clock } from "../../ports.ts";
import { frameIdMs } from "../engine.ts";
import type { Commits } from "./commits.ts";
import type { BinaryDb } from "./lines.ts";

/** What an append with this frame id stored. */
export type Framed = { readonly line: number; readonly count: number };

export class FrameIds {
  readonly #db: BinaryDb;
  readonly #clock: Clock;
  /** What the time of these windows is ahead of the clock. */
  readonly #aheadMs: number;
  /** Ids of the transaction that is being formed, which reads do not see. */
  readonly #forming = new Map<string, Framed>();

  constructor(db: BinaryDb, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#aheadMs = (this.#newestWindow() ?? windowOf(clock.nowMs())) * frameIdMs - clock.monotonicMs();
  }

  /** Inside `write`: what was stored under this id less than 10 minutes ago. */
  find(channel: number, frameId: string): Framed | undefined {
    const forming = this.#forming.get(`${channel}/${frameId}`);
    if (forming !== undefined) return forming;
    const nowMs = this.#nowMs();
    const window = windowOf(nowMs);
    for (const older of [window, window - 1]) {
      const record = this.#db.get(frameKey(older, channel, frameId));
      if (record === undefined || nowMs - record.readDoubleLE(0) >= frameIdMs) continue;
      return { line: record.readDoubleLE(8), count: record.readUInt32LE(16) };
    }
    return undefined;
  }

  /** Inside `write`: remembers the id with its append. */
  add(channel: number, frameId: string, framed: Framed, commits: Commits): void {
    const nowMs = this.#nowMs();
    const record = Buffer.allocUnsafe(20);
    record.writeDoubleLE(nowMs, 0);
    record.writeDoubleLE(framed.line, 8);
    record.writeUInt32LE(framed.count, 16);
    commits.put(this.#db, frameKey(windowOf(nowMs), channel, frameId), record);
    this.#forming.set(`${channel}/${frameId}`, framed);
  }

  /** Are there expired ids? */
  isDue(): boolean {
    return this.#expired(1).length > 0;
  }

  /** Inside `write`: removes up to `limit` expired ids; how many it was. */
  trim(limit: number, commits: Commits): number {
    const expired = this.#expired(limit);
    for (const key of expired) commits.remove(this.#db, key);
    return expired.length;
  }

  /** The transaction is formed: it is over before the next one reads. */
  formed(): void {
    this.#forming.clear();
  }

  #nowMs(): number {
    return this.#aheadMs + this.#clock.monotonicMs();
  }

  #newestWindow(): number | undefined {
    for (const key of this.#db.getKeys({ reverse: true, limit: 1 })) return key.readUInt32BE(0);
    return undefined;
  }

  #expired(limit: number): Buffer[] {
    const end = frameKey(Math.max(0, windowOf(this.#nowMs()) - 1), 0, "");
    return [...this.#db.getKeys({ start: Buffer.alloc(1), end, limit })];
  }
}

const windowOf = (timeMs: number): number => Math.floor(timeMs / frameIdMs);

function frameKey(window: number, channel: number, frameId: string): Buffer {
  const key = Buffer.allocUnsafe(8 + frameId.length);
  key.writeUInt32BE(window, 0);
  key.writeUInt32BE(channel, 4);
  key.write(frameId, 8, "latin1");
  return key;
}
