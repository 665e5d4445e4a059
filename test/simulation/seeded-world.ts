/**
 * One run of drains under faults, decided by a seed alone: lines come, retention takes them, receivers fail in every
 * way, the process dies and starts again. Everything that was accepted and everything that a receiver took is written
 * down, so that the ledgers can be held to it at the end.
 */
import assert from "node:assert";
import { pino } from "pino";
import type { DrainId } from "../../src/core/ids.ts";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { DrainNotices } from "../../src/drains/notices.ts";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import { ReadAheadBudget } from "../../src/drains/worker/read-ahead.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { ChannelLog, Clock, Parcel, Sink, Store, Verdict } from "../../src/ports.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { channel, drainOf, keepAll, limits, textsOfParcel } from "../drains/rig.ts";
import { batchOf, textsOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { patternsInProcess } from "../support/patterns.ts";
import { randomFrom } from "../support/random.ts";

const never = new Promise<never>(() => {});
const silent = pino({ level: "silent" });

/** What one receiver does and saw. */
export type SeededReceiver = {
  drain: DrainRecord;
  /** Share of requests that meet a fault. */
  readonly faultiness: number;
  /** More lines than this in a parcel get a 413. */
  readonly linesMax: number;
  readonly refuses: boolean;
  /** Its protocol has no acknowledgement: what was delivered is lost now and then, and the connection breaks a moment later. */
  readonly isSilent: boolean;
  /** Numbers of lines in the order in which they came first. */
  readonly first: number[];
  /** Refused once: when the process dies before it is written down they are sent again, and may be taken then. */
  readonly refused: Set<number>;
  readonly seen: Set<number>;
  /** What each parcel id stood for. */
  readonly frames: Map<string, string>;
  repeats: number;
  /** Repeats that the faults so far explain. */
  repeatsMax: number;
  replays: number;
  breaks: number;
};

/** One process: what it waits for when it is killed never comes, and nothing that it does then reaches the world. */
type Process = {
  dead: boolean;
  supervisor?: DrainSupervisor;
  notices?: DrainNotices;
  /** Delivered, and lost with a connection of which nobody knows yet that it broke. */
  readonly unread: Map<SeededReceiver, readonly string[]>;
};

export class SeededWorld {
  readonly random: () => number;
  readonly receivers: readonly SeededReceiver[];
  /** Every line that was accepted; its place is its number. */
  readonly lines: string[] = [];
  readonly #clock: FakeClock;
  readonly #engine: Engine;
  readonly #limits: typeof limits;
  readonly #socketsMax: number;
  #process: Process = { dead: true, unread: new Map() };
  #healed = false;

  private constructor(engine: Engine, clock: FakeClock, random: () => number) {
    this.random = random;
    this.#clock = clock;
    this.#engine = engine;
    this.#limits = {
      ...limits,
      parcelLinesMax: this.#oneOf([3, 20, 2_000]),
      parcelBytesMax: this.#oneOf([300, 2_000, 500_000]),
      probeBytesMax: this.#oneOf([100, 1_000]),
      readAheadBytesMax: this.#oneOf([500, 5_000]),
    };
    this.#socketsMax = this.#oneOf([1, 2, 100]);
    this.receivers = Array.from({ length: 1 + this.#below(3) }, (_, number) => this.#receiver(number));
  }

  static async open(seed: number): Promise<SeededWorld> {
    const random = randomFrom(seed);
    const clock = new FakeClock();
    const trimming = {
      ...keepAll,
      channelLinesMax: 5 + Math.floor(random() * 60),
      ageMsMax: random() < 0.3 ? 120_000 : Number.POSITIVE_INFINITY,
    };
    const engine = await openMemory({ clock, retention: random() < 0.4 ? trimming : keepAll });
    const world = new SeededWorld(engine, clock, random);
    for (const { drain } of world.receivers) await world.#putDrain(drain);
    await world.#start();
    return world;
  }

  /** Does one thing by chance. */
  async step(): Promise<void> {
    const dice = this.random();
    if (dice < 0.55) await this.#append(1 + this.#below(12));
    else if (dice < 0.85) await this.#clock.advance(this.#oneOf([0, 10, 60, 400, 3_000, 40_000]));
    else if (dice < 0.9) await this.#kill();
    else if (dice < 0.97) await this.#change([this.#oneOf(this.receivers)], { paused: this.random() < 0.4 });
    else await this.#replay();
  }

  /** All is well from now on and no drain is paused; resolves when every line has its place in every ledger. */
  async heal(): Promise<void> {
    this.#healed = true;
    await this.#change(this.receivers, { paused: false });
    for (let quietMs = 0, waitedMs = 0; quietMs < 130_000; waitedMs += 10_000) {
      const before = this.lines.length;
      await this.#clock.advance(10_000);
      const states = await Promise.all(this.receivers.map(({ drain }) => this.state(drain.id)));
      const isQuiet = states.every(
        ({ line, replay, unconfirmed }) => line === this.lines.length && !replay?.position && !unconfirmed,
      );
      quietMs = isQuiet && before === this.lines.length ? quietMs + 10_000 : 0;
      assert(waitedMs < 4 * 3_600_000, `drains do not come to the end: ${JSON.stringify(states)}`);
    }
  }

  async close(): Promise<void> {
    const closed = this.#process.supervisor!.close();
    await this.#clock.advance(60_000);
    await closed;
    await this.#process.notices!.close();
    await this.#engine.close();
  }

  async state(id: DrainId): Promise<DrainCheckpoint> {
    const found = await this.#engine.store.get<DrainCheckpoint>(`drain-state/${id}`);
    const none = { line: 0, delivered: 0, refused: 0, lost: 0, filtered: 0, replayed: 0 };
    return found?.value ?? (none as DrainCheckpoint);
  }

  #receiver(number: number): SeededReceiver {
    const isSilent = this.random() < 0.3;
    return {
      drain: drainOf(number, this.random() < 0.4 ? { filter: { exclude: "^noise" } } : {}),
      faultiness: this.#oneOf([0, 0.2, 0.7]),
      linesMax: this.#oneOf([Infinity, Infinity, 4, 1]),
      refuses: this.random() < 0.6 && !isSilent,
      isSilent,
      first: [],
      refused: new Set(),
      seen: new Set(),
      frames: new Map(),
      repeats: 0,
      repeatsMax: 0,
      replays: 0,
      breaks: 0,
    };
  }

  async #append(count: number): Promise<void> {
    const texts = Array.from({ length: count }, (_, at) => {
      const kind = this.random() < 0.3 ? "noise" : "line";
      return `${kind} ${this.lines.length + at} ${"x".repeat(this.#below(60))}`;
    });
    await this.#accept(texts);
  }

  async #accept(texts: readonly string[]): Promise<void> {
    const firstLine = this.lines.length;
    this.lines.push(...texts);
    await this.#engine.log.append(channel, {
      ...batchOf(texts),
      firstLine,
      acceptedAtMs: this.#clock.nowMs(),
    });
  }

  // The process dies, whatever it is at, and another one starts. What was taken and is not committed comes again.
  async #kill(): Promise<void> {
    this.#process.dead = true;
    // What was on its way when the sender died arrives.
    for (const [receiver, texts] of this.#process.unread) this.#take(receiver, texts);
    for (const receiver of this.receivers) {
      const { line } = await this.state(receiver.drain.id);
      for (const number of receiver.seen) if (number >= line || receiver.replays > 0) receiver.repeatsMax++;
    }
    await this.#start();
  }

  async #start(): Promise<void> {
    const here: Process = { dead: false, unread: new Map() };
    this.#process = here;
    const clock: Clock = {
      nowMs: () => this.#clock.nowMs(),
      monotonicMs: () => this.#clock.monotonicMs(),
      sleep: (ms, signal) => this.#sleep(here, ms, signal),
    };
    here.notices = new DrainNotices({
      append: async (_, lines) => {
        if (here.dead) return never;
        if (this.random() < 0.1 && !this.#healed) throw new Error("the log is full");
        return this.#accept(textsOf(lines).map((text) => `line ${this.lines.length} ${text.trimEnd()}`));
      },
      clock,
      logger: silent,
      everyMs: 60_000,
    });
    const opening = DrainSupervisor.open({
      log: this.#logOf(here),
      store: this.#storeOf(here),
      clock,
      random: this.random,
      sinkFor: (drain, { onBreak }) => this.#sinkOf(here, drain, onBreak!),
      slots: new ConnectionSlots({
        socketsMax: this.#socketsMax,
        idleMsMax: 60_000,
        failingMax: Math.ceil(this.#socketsMax / 2),
        failingEveryMs: 5,
        clock,
      }),
      readAhead: new ReadAheadBudget(this.#oneOf([1, 1_000_000])),
      patterns: patternsInProcess(),
      notices: here.notices,
      limits: this.#limits,
      logger: silent,
      startsMax: 2,
      restartMs: 5_000,
      closeMsMax: 10_000,
    });
    await this.#clock.advance(0);
    here.supervisor = await opening;
  }

  async #sleep(here: Process, ms: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    if (here.dead) await never;
  }

  #sinkOf(here: Process, drain: DrainRecord, onBreak: (reason: string) => void): Sink {
    const receiver = this.receivers.find((one) => one.drain.id === drain.id)!;
    let isOpen = true;
    let isBroken = false;
    const tellBreak = () => {
      if (!here.unread.delete(receiver) || here.dead) return;
      receiver.breaks++;
      receiver.repeatsMax += this.lines.length;
      onBreak("reset");
    };
    return {
      deliver: async (parcel, signal) => {
        assert(isOpen, "a closed sink is not used");
        if (here.dead) await never;
        if (isBroken) {
          tellBreak();
          return { kind: "retry", reason: "reset" };
        }
        isBroken = receiver.isSilent && !this.#healed && this.random() < receiver.faultiness / 2;
        if (isBroken) {
          here.unread.set(receiver, textsOfParcel(parcel));
          void this.#sleep(here, this.#below(900)).then(tellBreak);
          return { kind: "delivered" };
        }
        const verdict = await this.#receive(receiver, parcel, (ms) => this.#sleep(here, ms, signal), signal);
        return verdict;
      },
      close: async () => {
        isOpen = false;
        tellBreak();
      },
    };
  }

  async #receive(
    receiver: SeededReceiver,
    parcel: Parcel,
    pause: (ms: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const texts = textsOfParcel(parcel);
    assert.equal(texts.length, parcel.count, "a parcel counts its lines");
    const wasBefore = receiver.frames.get(parcel.parcelId) ?? texts.join("\n");
    assert.equal(texts.join("\n"), wasBefore, "a parcel id stands for one parcel");
    receiver.frames.set(parcel.parcelId, wasBefore);
    if (this.random() < 0.5) await pause(this.#below(200));
    signal.throwIfAborted();
    if (texts.length > receiver.linesMax) return { kind: "split", reason: "413" };
    if (this.#healed || this.random() >= receiver.faultiness) {
      this.#take(receiver, texts);
      return { kind: "delivered" };
    }
    const dice = this.random();
    if (dice < 0.3) return { kind: "retry", reason: "503" };
    if (dice < 0.4) return { kind: "retry", reason: "429", afterMs: this.#below(120_000) };
    if (dice < 0.5) throw new Error("the sink broke");
    if (dice < 0.7 && receiver.refuses) {
      for (const text of texts) receiver.refused.add(numberOf(text));
      return { kind: "refused", reason: "400" };
    }
    if (dice < 0.8 && receiver.refuses) {
      const rejected = this.#below(texts.length + 1);
      for (const text of texts.slice(0, rejected)) receiver.refused.add(numberOf(text));
      this.#take(receiver, texts.slice(rejected));
      return { kind: "delivered", rejected };
    }
    if (dice < 0.9) {
      // Taken, but nobody hears of it.
      receiver.repeatsMax += texts.length;
      this.#take(receiver, texts);
      return { kind: "retry", reason: "reset" };
    }
    await pause(15_000);
    signal.throwIfAborted();
    return { kind: "retry", reason: "no answer" };
  }

  #take(receiver: SeededReceiver, texts: readonly string[]): void {
    for (const text of texts) {
      const number = numberOf(text);
      assert.equal(this.lines[number], text, "a line that nobody sent");
      if (receiver.seen.has(number)) receiver.repeats++;
      else receiver.first.push(number);
      receiver.seen.add(number);
    }
  }

  async #change(receivers: readonly SeededReceiver[], changes: Partial<DrainRecord>): Promise<void> {
    for (const receiver of receivers) {
      receiver.drain = { ...receiver.drain, ...changes };
      await this.#putDrain(receiver.drain);
    }
    await this.#clock.advance(0);
  }

  async #replay(): Promise<void> {
    const receiver = this.#oneOf(this.receivers);
    receiver.replays++;
    receiver.repeatsMax += 2 * this.lines.length;
    const sinceMs = this.#clock.nowMs() - this.#below(100_000);
    await this.#change([receiver], { replay: { id: `wish ${this.random()}`, sinceMs } });
  }

  async #putDrain(drain: DrainRecord): Promise<void> {
    const { store } = this.#engine;
    const key = `drain/${drain.id}`;
    await store.put(key, drain, (await store.get(key))?.revision ?? 0);
  }

  #storeOf(here: Process): Store {
    const { store } = this.#engine;
    const fails = () => !this.#healed && this.random() < 0.03;
    return {
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      close: () => store.close(),
      get: async (key) => {
        if (here.dead) await never;
        if (fails()) throw new Error("the store is away");
        return store.get(key);
      },
      put: async (key, value, revision) => {
        if (here.dead) await never;
        if (value !== undefined) addsUp(value as DrainCheckpoint);
        if (fails()) throw new Error("the store is away");
        const put = await store.put(key, value, revision);
        if (fails()) throw new Error("the store is away, but it took it");
        return put;
      },
    };
  }

  #logOf(here: Process): ChannelLog {
    const { log } = this.#engine;
    const fails = () => !this.#healed && this.random() < 0.01;
    return {
      append: () => Promise.reject(new Error("drains append through their notices alone")),
      destroy: (id) => log.destroy(id),
      close: () => log.close(),
      recent: (id, lines) => (here.dead ? never : log.recent(id, lines)),
      async *follow(...args) {
        for await (const batch of log.follow(...args)) {
          if (here.dead) await never;
          if (fails()) throw new Error("a bad block");
          yield batch;
        }
      },
    };
  }

  #below(max: number): number {
    return Math.floor(this.random() * max);
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }
}

function addsUp({ line, delivered, refused, lost, filtered }: DrainCheckpoint): void {
  assert.equal(line, delivered + refused + lost + filtered, "every put adds up");
}

const numberOf = (text: string): number => Number(text.split(" ")[1]);
