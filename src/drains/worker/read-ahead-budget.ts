/**
 * The bound on the memory of what all drains together have read and not sent. When it is spent, each continues with one
 * batch at a time, and those who hold theirs for `heldMsMax` without getting on are asked to let go, the longest first:
 * a receiver that takes nothing would keep a batch of 8 MB for each app for as long as an attempt may last.
 */
import type { StoredBatch } from "../../core/batch/batch.ts";
import { HeldMemory } from "../../core/batch/held-memory.ts";
import { type Pulse, pulseOf } from "./pulse.ts";

/** A drain that holds lines. */
export type Holder = {
  /** The lines of its batches. */
  readonly heldBytes: number;
  /** When it last got on. */
  readonly sinceMs: number;
  /** Others need its memory, and it has not got on for `ms`. */
  wanted(ms: number): void;
};

type Lines = Pick<StoredBatch, "bytes" | "memory">;

type BudgetParts = {
  /** Lines that follow each other faster than this go out together. */
  readonly gatherMs?: number;
  readonly heldMsMax?: number;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
};

/** Less than this is not worth asking for. */
const askedBytesMin = 64 * 1024;
const lookMs = 250;

export class ReadAheadBudget {
  /** Tells all drains what was read. */
  readonly pulse: Pulse;
  readonly nowMs: () => number;
  readonly #bytesMax: number;
  readonly #heldMsMax: number;
  readonly #holders = new Set<Holder>();
  readonly #memory = new HeldMemory();
  /** Runs while the budget is spent. */
  #looking: NodeJS.Timeout | undefined;

  constructor(
    bytesMax: number,
    { gatherMs = 0, heldMsMax = 1_000, nowMs = () => performance.now() }: BudgetParts = {},
  ) {
    this.#bytesMax = bytesMax;
    this.#heldMsMax = heldMsMax;
    this.nowMs = nowMs;
    this.pulse = pulseOf(gatherMs);
  }

  get isSpent(): boolean {
    return this.#memory.bytes >= this.#bytesMax;
  }

  /** Counts a batch that `holder` holds from now on. */
  hold(holder: Holder, { memory, bytes }: Lines): void {
    this.#memory.hold(memory ?? bytes.buffer, memory?.bytes ?? bytes.buffer.byteLength);
    this.#holders.add(holder);
    if (this.isSpent) this.#looking ??= setTimeout(() => this.#look(), lookMs).unref();
  }

  /** Counts it no more. */
  release(holder: Holder, { memory, bytes }: Lines): void {
    this.#memory.release(memory ?? bytes.buffer);
    if (holder.heldBytes === 0) this.#holders.delete(holder);
  }

  #look(): void {
    this.#looking = undefined;
    if (!this.isSpent) return;
    let excess = this.#memory.bytes - this.#bytesMax;
    const beforeMs = this.nowMs() - this.#heldMsMax;
    const stalled = [...this.#holders].filter(
      ({ heldBytes, sinceMs }) => heldBytes >= askedBytesMin && sinceMs <= beforeMs,
    );
    for (const holder of stalled.sort((a, b) => a.sinceMs - b.sinceMs)) {
      if (excess < 0) break;
      excess -= holder.heldBytes;
      holder.wanted(Math.round(this.nowMs() - holder.sinceMs));
    }
    this.#looking ??= setTimeout(() => this.#look(), lookMs).unref();
  }
}
