/** One seeded life of a journal on a disk that fails, tears and forgets, beside a model of what it promised. */
import { expect } from "vitest";
import type { Batch, StoredBatch } from "../../src/core/batch/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { isSamePlace, origin } from "../../src/core/position.ts";
import type { Retention } from "../../src/engines/engine.ts";
import { type OpenJournal, openJournal } from "../../src/engines/journal/open.ts";
import type { Appended, ChannelLog } from "../../src/ports.ts";
import { batchOf, channelOf, textsOf } from "../support/batches.ts";
import { FakeClock, settled } from "../support/fake-clock.ts";
import { FakeDisk, type Fault } from "../support/fake-disk.ts";
import { lentCopy } from "../support/lending-log.ts";
import { randomFrom } from "../support/random.ts";

const channelsMax = 4;

/** The lines that the log must have of a channel: texts by the line number of their acknowledgement. */
type Expected = { readonly texts: Map<number, string>; destroyed: string[] };

export class JournalWorld {
  readonly random: () => number;
  readonly totals = { batches: 0, failures: 0, crashes: 0, destroyed: 0, damages: 0, repeats: 0 };
  readonly #clock = new FakeClock();
  readonly #retention: Retention;
  readonly #segmentBytes: number;
  #disk = new FakeDisk();
  #journal: OpenJournal | undefined;
  #expected: Expected[] = Array.from({ length: channelsMax }, () => ({ texts: new Map(), destroyed: [] }));
  #faultRate = 0;
  #next = 0;
  /** Channels whose destruction was refused, with no commit since: a process that ends now cannot take it back. */
  readonly #refused = new Set<number>();
  /** Something that was acknowledged was reported as damaged. */
  #isDamageReported = false;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    this.#segmentBytes = this.random() < 0.3 ? 1_000_000 : 2000 + this.#below(20_000);
    const isBounded = this.random() < 0.4;
    this.#retention = {
      ageMsMax: Number.POSITIVE_INFINITY,
      channelBytesMax: isBounded ? 3000 + this.#below(20_000) : Number.POSITIVE_INFINITY,
      channelLinesMax: Number.POSITIVE_INFINITY,
      totalBytesMax: isBounded && this.random() < 0.5 ? 50_000 : Number.POSITIVE_INFINITY,
    };
  }

  async step(): Promise<void> {
    const dice = this.random();
    if (this.#journal === undefined) await this.#open();
    else if (dice < 0.6) await this.#append();
    else if (dice < 0.68) await this.#clockGoesOn();
    else if (dice < 0.76) this.#faultRate = this.random() < 0.5 ? 0 : 0.3;
    else if (dice < 0.82) await this.#destroy();
    else if (dice < 0.9) await this.#check();
    else if (dice < 0.95) await this.#reopen();
    else await this.#crash();
  }

  /** Checks, once the disk works again, that everything acknowledged is there, and nothing that was destroyed. */
  async end(): Promise<void> {
    this.#faultRate = 0;
    if (this.#journal === undefined) await this.#open();
    await this.#check();
    for (let i = 0; i < 5; i++) await this.#clockGoesOn();
    await this.#check();
    await this.#journal!.close();
    const bytes = Buffer.concat([...this.#disk.contents().values()]).toString("latin1");
    for (const { destroyed } of this.#expected) {
      for (const text of destroyed) expect(bytes.includes(text), `${text} was destroyed`).toBe(false);
    }
  }

  /** Flips a stored bit and reads everything: what is read must be right, and what is missing must be reported. */
  async flip(): Promise<void> {
    await this.#journal?.close();
    this.#journal = undefined;
    const names = [...this.#disk.contents().keys()];
    if (names.length === 0) return;
    const name = names[this.#below(names.length)]!;
    this.#disk.flip(name, this.#below(this.#disk.contents().get(name)!.length * 8));
    this.#isDamageReported = false;
    await this.#open();
    for (let channel = 0; channel < channelsMax; channel++) {
      const { batches } = await this.#log.recent(channelOf(channel), Number.POSITIVE_INFINITY);
      this.#expectRight(channel, batches);
    }
    this.totals.damages += this.#isDamageReported ? 1 : 0;
    await this.#journal!.close();
  }

  get #log(): ChannelLog {
    return this.#journal!.log;
  }

  #below(count: number): number {
    return Math.floor(this.random() * count);
  }

  async #open(): Promise<void> {
    this.#disk.fault = () => "none"; // a start on a disk that fails is another test's
    this.#journal = await openJournal({
      disk: this.#disk,
      clock: this.#clock,
      retention: this.#retention,
      segmentBytes: this.#segmentBytes,
      damaged: () => {
        this.#isDamageReported = true;
      },
    });
    this.#disk.fault = (call): Fault => {
      if (call === "read" || this.random() >= this.#faultRate) return "none";
      return this.random() < 0.5 ? "refused" : "partial";
    };
  }

  async #append(): Promise<void> {
    const appends = Array.from({ length: 1 + this.#below(6) }, () => this.#appendOne());
    await this.#within(Promise.all(appends));
  }

  async #appendOne(): Promise<void> {
    const channel = this.#below(channelsMax);
    const texts = Array.from(
      { length: 1 + this.#below(3) },
      () => `text-${this.#next++}-${"x".repeat(this.#below(900))}|`,
    );
    const isNamed = this.random() < 0.5;
    const batch = batchOf(texts, {
      acceptedAtMs: this.#clock.nowMs(),
      ...(isNamed && { dedupId: `request-${this.#next}` }),
    });
    const expected = this.#expected[channel]!;
    const append = () => this.#appendLent(channelOf(channel), batch);
    try {
      const { position } = await append();
      this.totals.batches++;
      this.#refused.clear();
      if (expected !== this.#expected[channel]) return; // it was destroyed meanwhile
      const line = Number(position.split(".")[0]);
      expect(expected.texts.has(line), `line ${line} is used once`).toBe(false);
      for (const [i, text] of texts.entries()) expected.texts.set(line + i, text);
      if (!isNamed || this.random() < 0.5) return;
      const again = await append();
      expect(again.repeated && isSamePlace(again.position, position)).toBe(true);
      this.totals.repeats++;
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error;
      this.totals.failures++;
    }
  }

  // The memory is the log's once it is stored.
  #appendLent(channel: ChannelId, lines: Batch): Promise<Appended> {
    const { batch, memory } = lentCopy(lines);
    return this.#log.append(channel, batch, memory);
  }

  async #destroy(): Promise<void> {
    const channel = this.#below(channelsMax);
    const before = this.#expected[channel]!;
    try {
      await this.#within(this.#log.destroy(channelOf(channel)));
    } catch {
      this.#refused.add(channel);
      this.totals.failures++;
      return;
    }
    this.totals.destroyed++;
    this.#expected[channel] = {
      texts: new Map(),
      destroyed: [...before.destroyed, ...before.texts.values()],
    };
  }

  async #reopen(): Promise<void> {
    await this.#within(this.#journal!.close());
    this.#journal = undefined;
    this.#forgetRefused();
  }

  #forgetRefused(): void {
    for (const channel of this.#refused) this.#expected[channel] = { texts: new Map(), destroyed: [] };
    this.#refused.clear();
  }

  /** Cuts the power. What was not acknowledged may be there afterwards, or not. */
  async #crash(): Promise<void> {
    this.totals.crashes++;
    this.#forgetRefused();
    const unanswered = this.random() < 0.5 ? this.#appendUnanswered() : undefined;
    for (let turns = this.#below(6); turns > 0; turns--) await Promise.resolve();
    const next = this.#disk.crash(this.random);
    this.#disk.fault = () => "refused";
    const gone = this.#journal!;
    this.#journal = undefined;
    this.#disk = next;
    await this.#within(gone.close().catch(() => {}));
    await unanswered;
  }

  // In a channel of its own: whatever becomes of it, nobody was promised anything.
  async #appendUnanswered(): Promise<void> {
    const appends = Array.from({ length: 1 + this.#below(5) }, () =>
      this.#appendLent(channelOf(99), batchOf([`unanswered-${"y".repeat(this.#below(3000))}`])),
    );
    await Promise.allSettled(appends);
  }

  async #check(): Promise<void> {
    for (let channel = 0; channel < channelsMax; channel++) {
      const { batches, end } = await this.#log.recent(channelOf(channel), Number.POSITIVE_INFINITY);
      const { texts } = this.#expected[channel]!;
      const expectedEnd = Math.max(0, ...[...texts.keys()].map((line) => line + 1));
      expect(end.line, `the end of channel ${channel}`).toBeGreaterThanOrEqual(expectedEnd);
      this.#expectRight(channel, batches);
      const first = batches[0]?.line ?? end.line;
      const missing = [...texts.keys()].filter((line) => line >= first && !holds(batches, line));
      expect(missing, `acknowledged lines of channel ${channel}`).toEqual([]);
      if (this.#isUnbounded)
        expect(first === 0 || texts.size === 0, `channel ${channel} is whole`).toBe(true);
      await this.#checkFollower(channel, first, batches);
    }
  }

  // A follower from the beginning gets what `recent` gives.
  async #checkFollower(channel: number, first: number, batches: readonly StoredBatch[]): Promise<void> {
    const stop = new AbortController();
    const seen: number[] = [];
    const from = { kind: "after", position: origin } as const;
    const reader = this.#log.follow(channelOf(channel), from, stop.signal)[Symbol.asyncIterator]();
    while (seen.length < batches.length) seen.push(((await reader.next()).value as StoredBatch).line);
    stop.abort();
    expect(seen).toEqual(batches.map(({ line }) => line));
    expect(seen[0] ?? first).toBe(first);
  }

  #expectRight(channel: number, batches: readonly StoredBatch[]): void {
    const { texts } = this.#expected[channel]!;
    let end = 0;
    for (const batch of batches) {
      expect(batch.line, "lines ascend").toBeGreaterThanOrEqual(end);
      end = batch.line + batch.count;
      textsOf(batch).forEach((text, i) => {
        const expected = texts.get(batch.line + i);
        if (expected !== undefined)
          expect(text, `line ${batch.line + i} of channel ${channel}`).toBe(expected);
      });
    }
  }

  get #isUnbounded(): boolean {
    const { channelBytesMax, totalBytesMax } = this.#retention;
    return channelBytesMax === Number.POSITIVE_INFINITY && totalBytesMax === Number.POSITIVE_INFINITY;
  }

  async #clockGoesOn(): Promise<void> {
    await this.#clock.advance(1000);
    for (let i = 0; i < 5; i++) await settled();
  }

  // Time goes on while something waits: attempts on a failing disk are apart.
  async #within<Value>(work: Promise<Value>): Promise<Value> {
    let isOver = false;
    const over = work.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    for (let turns = 0; !isOver; turns++) {
      await settled(1);
      if (turns % 4 === 3) await this.#clock.advance(100);
      if (turns > 400) this.#faultRate = 0;
    }
    return over;
  }
}

const holds = (batches: readonly StoredBatch[], line: number): boolean =>
  batches.some((batch) => batch.line <= line && line < batch.line + batch.count);
