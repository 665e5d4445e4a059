/** One seeded life of a journal on a disk that fails, tears and forgets, beside a model of what it promised. */
import { expect } from "vitest";
import type { Batch, StoredBatch } from "../../src/core/batch/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { isSamePlace, origin, type Position } from "../../src/core/position.ts";
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
/** An append that was acknowledged: its first line, and its texts. */
type Acknowledged = { readonly line: number; readonly texts: readonly string[] };

export class JournalWorld {
  readonly random: () => number;
  readonly totals = { batches: 0, failures: 0, crashes: 0, destroyed: 0, damages: 0, repeats: 0 };
  readonly clock = new FakeClock();
  readonly #retention: Retention;
  readonly #segmentBytes: number;
  /** The length of the longest lines: large ones make commits in which small works go first. */
  readonly #textCharsMax: number;
  #disk = new FakeDisk();
  #journal: OpenJournal | undefined;
  #expected: Expected[] = Array.from({ length: channelsMax }, () => ({ texts: new Map(), destroyed: [] }));
  #faultRate = 0;
  /** The rate of writes that a slow disk, or a thread, takes long over. */
  #lateRate = 0;
  #next = 0;
  /** Channels whose destruction was refused, with no commit since: a process that ends now cannot take it back. */
  readonly #refused = new Set<number>();
  /** Something that was acknowledged was reported as damaged. */
  #isDamageReported = false;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    this.#segmentBytes = this.random() < 0.3 ? 1_000_000 : 2000 + this.#below(20_000);
    this.#textCharsMax = this.random() < 0.1 ? 60_000 : 900;
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
    else if (dice < 0.5) await this.#append();
    else if (dice < 0.6) await this.#appendAroundDestroy();
    else if (dice < 0.68) await this.#clockGoesOn();
    else if (dice < 0.76) this.#diskChanges();
    else if (dice < 0.82) await this.#destroy();
    else if (dice < 0.9) await this.#check();
    else if (dice < 0.95) await this.#reopen();
    else await this.#crash();
  }

  /** Checks, once the disk works again, that everything acknowledged is there, and nothing that was destroyed. */
  async end(): Promise<void> {
    this.#faultRate = 0;
    this.#lateRate = 0;
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
      clock: this.clock,
      retention: this.#retention,
      segmentBytes: this.#segmentBytes,
      damaged: () => {
        this.#isDamageReported = true;
      },
    });
    this.#disk.fault = (call): Fault => {
      if (call === "read" || this.random() >= this.#faultRate) return "none";
      return (["refused", "partial", "whole"] as const)[this.#below(3)]!;
    };
    this.#disk.lateTurns = () => (this.random() < this.#lateRate ? 1 + this.#below(20) : 0);
  }

  #diskChanges(): void {
    this.#faultRate = this.random() < 0.5 ? 0 : 0.3;
    this.#lateRate = this.random() < 0.5 ? 0 : 0.5;
  }

  async #append(): Promise<void> {
    const channels = Array.from({ length: 1 + this.#below(6) }, () => this.#below(channelsMax));
    const done = await this.#within(Promise.all(channels.map((channel) => this.#appendOne(channel))));
    for (let channel = 0; channel < channelsMax; channel++)
      this.#acknowledged(
        channel,
        done.filter((_, at) => channels[at] === channel),
      );
  }

  // Lines that came before the destruction go with it, and those that came after it begin the channel again.
  async #appendAroundDestroy(): Promise<void> {
    const channel = this.#below(channelsMax);
    const some = () =>
      Promise.all(Array.from({ length: this.#below(4) }, () => this.#appendOne(channel, false)));
    const others = [this.#below(channelsMax), this.#below(channelsMax)].filter((other) => other !== channel);
    const aside = Promise.all(others.map((other) => this.#appendOne(other)));
    const before = some();
    const destroyed = this.#destroyed(channel);
    const after = some();
    await this.#within(Promise.allSettled([aside, before, destroyed, after]));
    for (const [at, done] of (await aside).entries()) this.#acknowledged(others[at]!, [done]);
    this.#acknowledged(channel, await before);
    if (await destroyed) this.#forget(channel);
    this.#acknowledged(channel, await after);
  }

  // In the order in which they were appended.
  #acknowledged(channel: number, done: readonly (Acknowledged | undefined)[]): void {
    const { texts: expected } = this.#expected[channel]!;
    let end = Math.max(0, ...[...expected.keys()].map((line) => line + 1));
    for (const { line, texts } of done.filter((one) => one !== undefined)) {
      expect(line, `lines of channel ${channel} are used once, in order`).toBeGreaterThanOrEqual(end);
      end = line + texts.length;
      for (const [i, text] of texts.entries()) expected.set(line + i, text);
    }
  }

  /** Undefined if it was refused. `isRepeated`: some are appended again, under the same id. */
  async #appendOne(channel: number, isRepeated = true): Promise<Acknowledged | undefined> {
    const texts = Array.from(
      { length: 1 + this.#below(3) },
      () =>
        `text-${this.#next++}-${"x".repeat(this.#below(this.random() < 0.3 ? this.#textCharsMax : 900))}|`,
    );
    const isNamed = this.random() < 0.5;
    const batch = batchOf(texts, {
      acceptedAtMs: this.clock.nowMs(),
      ...(isNamed && { dedupId: `request-${this.#next}` }),
    });
    const append = () => this.#appendLent(channelOf(channel), batch);
    try {
      const { position } = await append();
      this.totals.batches++;
      this.#refused.clear();
      if (isRepeated && isNamed && this.random() < 0.5) await this.#expectRepeat(append, position);
      return { line: Number(position.split(".")[0]), texts };
    } catch (error) {
      this.#countFailure(error);
      return undefined;
    }
  }

  async #expectRepeat(append: () => Promise<Appended>, position: Position): Promise<void> {
    try {
      const again = await append();
      expect(again.repeated && isSamePlace(again.position, position)).toBe(true);
      this.totals.repeats++;
    } catch (error) {
      this.#countFailure(error);
    }
  }

  #countFailure(error: unknown): void {
    if ((error as { code?: string }).code === undefined) throw error;
    this.totals.failures++;
  }

  // The memory is the log's once it is stored.
  #appendLent(channel: ChannelId, lines: Batch): Promise<Appended> {
    const { batch, memory } = lentCopy(lines);
    return this.#log.append(channel, batch, memory);
  }

  async #destroy(): Promise<void> {
    const channel = this.#below(channelsMax);
    if (await this.#within(this.#destroyed(channel))) this.#forget(channel);
  }

  /** False if it was refused. */
  async #destroyed(channel: number): Promise<boolean> {
    try {
      await this.#log.destroy(channelOf(channel));
      this.totals.destroyed++;
      return true;
    } catch {
      this.#refused.add(channel);
      this.totals.failures++;
      return false;
    }
  }

  #forget(channel: number): void {
    const { texts, destroyed } = this.#expected[channel]!;
    this.#expected[channel] = { texts: new Map(), destroyed: [...destroyed, ...texts.values()] };
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
      const isByTotal = this.#retention.totalBytesMax < Number.POSITIVE_INFINITY;
      const due = isByTotal ? (stretchStart(batches) ?? end.line) : first;
      const missing = [...texts.keys()].filter((line) => line >= due && !holds(batches, line));
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
    await this.clock.advance(1000);
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
      if (turns % 4 === 3) await this.clock.advance(100);
      if (turns > 400) this.#faultRate = 0;
    }
    return over;
  }
}

const holds = (batches: readonly StoredBatch[], line: number): boolean =>
  batches.some((batch) => batch.line <= line && line < batch.line + batch.count);

/**
 * The first line behind the last hole. A limit of all bytes removes whole segments, and what it has trimmed in those that stay is
 * there again after a crash.
 */
function stretchStart(batches: readonly StoredBatch[]): number | undefined {
  return batches.findLast(({ line }, at) => {
    const before = batches[at - 1];
    return before === undefined || before.line + before.count < line;
  })?.line;
}
