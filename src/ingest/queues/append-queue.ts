/** The lines of one channel that are waiting for the log. */
import { type Batch, type CanonicalLines, linesBytes } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import { type ChannelId, newProducerId, type ProducerId } from "../../core/ids.ts";
import { acceptedLines, appendSeconds, repeatedLines, storedLines } from "../../metrics.ts";
import type { Appended, ChannelLog, Clock } from "../../ports.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { type StreamOwner, type StreamParts, StreamQueue } from "./stream-queue.ts";

/** How lines came in. */
export type Via = "http" | "syslog" | "relp" | "notice";

/** Batches of one channel that may be in flight at once, those of streams aside. */
const inFlightMax = 16;
/** Memory that each group of waiting lines costs on top of its own bytes. */
const overheadBytes = 512;

type Numbering = { readonly producer: ProducerId; next: number };

type Entry = {
  readonly lines: CanonicalLines;
  /** Set where the lines lie in reused memory; the hold on it is passed on when they are stored. */
  readonly memory: BatchMemory | undefined;
  readonly via: Via;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (reason: unknown) => void;
};

/** Shared by all queues. */
export type QueueParts = {
  readonly log: Pick<ChannelLog, "append">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly budget: MemoryBudget;
  readonly batchBytesMax: number;
  readonly streams: StreamParts;
  /** Called when the queue gets its first lines, and when it has none left. */
  readonly onBusy: (queue: AppendQueue) => void;
  readonly onIdle: (queue: AppendQueue) => void;
};

/**
 * Numbering: a producer has at most one batch in flight, and its number advances only when that batch is stored, so
 * its stored lines are numbered without gaps. A producer whose batch was refused, or was a repeat, is not used again.
 */
export class AppendQueue implements StreamOwner {
  readonly channel: ChannelId;
  readonly #parts: QueueParts;
  /** Lines whose door waits for an answer, not in flight yet, in order. */
  #entries: Entry[] = [];
  #inFlight = 0;
  /** Gathered batches in flight: while there is one, lines without a dedup id keep gathering. */
  #gathered = 0;
  #bytes = 0;
  /** Lines from doors that cannot answer. */
  #stream: StreamQueue | undefined;
  /** Producers of this channel with no batch in flight. */
  readonly #numberings: Numbering[] = [];

  constructor(channel: ChannelId, parts: QueueParts) {
    this.channel = channel;
    this.#parts = parts;
  }

  /** Memory of the waiting lines and of those in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  get stream(): StreamQueue {
    this.#stream ??= new StreamQueue(this.#parts.streams, this);
    return this.#stream;
  }

  /**
   * Stores lines whose memory is already counted. The parts go one after the other, so that none is stored behind a
   * refused one.
   */
  append(parts: readonly CanonicalLines[], via: Via, memory?: BatchMemory): Promise<Appended> {
    return parts.length === 1 ? this.#enqueue(parts[0]!, via, memory) : this.#appendParts(parts, via);
  }

  /** Counts `bytes` of memory as taken, or as given back where negative. */
  addHeld(bytes: number): void {
    const { budget, onBusy, onIdle } = this.#parts;
    if (this.#bytes === 0) onBusy(this);
    this.#bytes += bytes;
    budget.hold(bytes);
    if (this.#bytes === 0) onIdle(this);
  }

  accept(lines: CanonicalLines): void {
    acceptedLines.inc({ via: "syslog" }, lines.count);
  }

  async store(lines: CanonicalLines, memory: BatchMemory | undefined): Promise<void> {
    await this.#appendBatch(lines, memory);
    storedLines.inc({ via: "syslog" }, lines.count);
  }

  async #appendParts(parts: readonly CanonicalLines[], via: Via): Promise<Appended> {
    for (let at = 0; at < parts.length - 1; at++) {
      try {
        await this.#enqueue(parts[at]!, via);
      } catch (error) {
        this.addHeld(-heldBytes(parts.slice(at + 1)));
        throw error;
      }
    }
    return this.#enqueue(parts.at(-1)!, via);
  }

  #enqueue(lines: CanonicalLines, via: Via, memory?: BatchMemory): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#entries.push({ lines, memory, via, resolve, reject });
      this.#pump();
    });
  }

  // Sends off what may go now. Lines with a dedup id never gather, so they do not wait for one another.
  #pump(): void {
    const mayGather = this.#gathered === 0;
    while (this.#entries.length > 0 && this.#inFlight < inFlightMax) {
      const alone = this.#entries[0]!.lines.dedupId !== undefined;
      if (!alone && !mayGather) return;
      const count = alone ? 1 : gatherable(this.#entries, this.#parts.batchBytesMax);
      this.#storeEntries(this.#entries.splice(0, count), alone ? 0 : 1);
    }
  }

  #storeEntries(entries: readonly Entry[], gathered: 0 | 1): void {
    this.#inFlight++;
    this.#gathered += gathered;
    const settled = () => {
      this.#inFlight--;
      this.#gathered -= gathered;
      this.#pump();
      let bytes = 0;
      for (const { lines, memory } of entries) bytes += heldBytes([lines], memory);
      this.addHeld(-bytes);
    };
    const isOne = entries.length === 1;
    this.#appendBatch(
      isOne ? entries[0]!.lines : joined(entries),
      isOne ? entries[0]!.memory : undefined,
    ).then(
      (appended) => {
        const counter = appended.repeated ? repeatedLines : storedLines;
        for (const { lines, memory, via, resolve } of entries) {
          if (!isOne) memory?.release(); // not before: lines that are refused are appended again
          counter.inc({ via }, lines.count);
          resolve(appended);
        }
        settled();
      },
      (error) => {
        for (const { reject } of entries) reject(error);
        settled();
      },
    );
  }

  #appendBatch(lines: CanonicalLines, memory?: BatchMemory): Promise<Appended> {
    const { log, clock } = this.#parts;
    const numbering = this.#numberings.pop() ?? { producer: newProducerId(), next: 0 };
    const startedMs = performance.now();
    const { bytes, count, form, index, dedupId } = lines;
    const { producer, next: firstLine } = numbering;
    const numbered = { bytes, count, form, index, producer, firstLine, acceptedAtMs: clock.nowMs() };
    const batch: Batch = dedupId === undefined ? numbered : { ...numbered, dedupId };
    return log.append(this.channel, batch, memory).then((appended) => {
      appendSeconds.observe((performance.now() - startedMs) / 1000);
      if (!appended.repeated) {
        numbering.next += count;
        this.#numberings.push(numbering);
      }
      return appended;
    });
  }
}

/** The memory that these lines take while they wait, with their index; `memory`: that in which one batch lies. */
export function heldBytes(batches: readonly CanonicalLines[], memory?: BatchMemory): number {
  let held = batches.length * overheadBytes;
  if (memory !== undefined) return held + memory.bytes;
  for (const lines of batches) held += linesBytes(lines);
  return held;
}

/**
 * The number of entries at the head of the queue that can share a batch: of one form, without a dedup id, within the
 * bound.
 */
function gatherable(queue: readonly Entry[], bytesMax: number): number {
  const { form } = queue[0]!.lines;
  let bytes = 0;
  let entries = 0;
  for (const { lines } of queue) {
    bytes += lines.bytes.length;
    const fits = entries === 0 || bytes <= bytesMax;
    if (lines.form !== form || lines.dedupId !== undefined || !fits) break;
    entries++;
  }
  return entries;
}

function joined(entries: readonly Entry[]): CanonicalLines {
  let count = 0;
  for (const { lines } of entries) count += lines.count;
  return {
    bytes: Buffer.concat(entries.map(({ lines }) => lines.bytes)),
    count,
    form: entries[0]!.lines.form,
  };
}
