/**
 * Several drain nodes over one log and one Store, under a schedule that a seed alone decides: nodes come, close, die,
 * freeze and are cut off; destinations fail; drains are made, paused and removed. Everything that is accepted, taken
 * and committed is written down, and what must never be is a flaw at the moment it happens.
 */
import assert from "node:assert";
import type { ChannelId } from "../../src/core/ids.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { Parcel, Sink, Store, Verdict } from "../../src/ports.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { drainOf, keepAll, limits, textsOfParcel } from "../drains/rig.ts";
import { batchOf, channelOf } from "../support/batches.ts";
import { randomFrom } from "../support/random.ts";
import { SteppedClock } from "./cluster-clock.ts";
import { ClusterNode, unlessAborted } from "./cluster-node.ts";

const shards = 4;
const nodesMax = 4;
/**
 * No shard is without a holder for longer while a node is well, counted from the last time that a node came, went or
 * fell ill, or that something came of one that is ill: until then the others leave its share to it.
 */
const orphanMsMax = 10_000;
const lookMs = 250;
/** What some destinations refuse, each time. */
const isDisliked = (text: string): boolean => /^line \d*7 /.test(text);
const isNoise = (text: string): boolean => text.startsWith("noise");

type Channel = { readonly id: ChannelId; readonly lines: string[] };

export type ClusterReceiver = {
  drain: DrainRecord;
  readonly channel: Channel;
  readonly faultiness: number;
  readonly linesMax: number;
  readonly refuses: boolean;
  /** Numbers of lines in the order in which they came first. */
  readonly first: number[];
  /** The parcel id under which each line came first. */
  readonly seen: Map<number, string>;
  readonly frames: Map<string, string>;
  repeats: number;
  /** Repeats under another parcel id than the first time. */
  renamed: number;
};

export class Cluster {
  readonly random: () => number;
  readonly flaws: string[] = [];
  readonly receivers: ClusterReceiver[] = [];
  readonly counts = {
    lines: 0,
    claims: 0,
    commits: 0,
    keptOut: 0,
    taken: 0,
    repeats: 0,
    renamed: 0,
    refused: 0,
  };
  readonly nodes: ClusterNode[] = [];
  /** The longest time that a shard was without a holder while a node was well. */
  orphanMs = 0;
  readonly #clock = new SteppedClock();
  readonly #channels: readonly Channel[];
  readonly #limits: typeof limits;
  /** Who put the record of a lease, by the record's revision. */
  readonly #leases = new Map<number, string>();
  readonly #heldAtMs: number[];
  readonly #senders = new Set<ClusterNode>();
  #lastEventMs = 0;
  readonly #faults: boolean;
  #engine!: Engine;
  #started = 0;
  #made = 0;
  #healed = false;

  private constructor(seed: number, { channels = 3, faults = true }) {
    this.random = randomFrom(seed);
    this.#faults = faults;
    this.#channels = Array.from({ length: channels }, (_, at) => ({ id: channelOf(at + 1), lines: [] }));
    this.#heldAtMs = Array(shards).fill(this.#clock.nowMs());
    this.#limits = {
      ...limits,
      parcelLinesMax: this.#oneOf([4, 30, 2_000]),
      parcelBytesMax: this.#oneOf([400, 500_000]),
      probeBytesMax: this.#oneOf([200, 16_000]),
      readAheadBytesMax: this.#oneOf([1_000, 5_000, 2_000_000]),
      commitMsMax: this.#oneOf([50, 1_000]),
      retry: { delayMsMin: 100, delayMsMax: 2_000, factor: 2, attemptsMax: 10, jitter: 0.2 },
    };
  }

  static async open(
    seed: number,
    options: { nodes?: number; drains?: number; channels?: number; faults?: boolean } = {},
  ): Promise<Cluster> {
    const cluster = new Cluster(seed, options);
    cluster.#engine = await openMemory({ clock: cluster.#clock, retention: keepAll });
    const { nodes = 1 + cluster.#below(3), drains = 1 + cluster.#below(3) } = options;
    for (let i = 0; i < drains; i++) await cluster.addDrain(i);
    for (let i = 0; i < nodes; i++) await cluster.start();
    return cluster;
  }

  /** Does one thing by chance. */
  async step(): Promise<void> {
    const dice = this.random();
    const node = this.#oneOf(this.nodes);
    const receiver = this.#oneOf(this.receivers);
    if (dice < 0.35) await this.append(this.#below(this.#channels.length), 1 + this.#below(12));
    else if (dice < 0.6) await this.pass(this.#oneOf([50, 200, 1_000, 3_000, 6_000]));
    else if (dice < 0.65) await this.start();
    else if (dice < 0.69 && this.nodes.length > 1) this.stop(node);
    else if (dice < 0.74) node?.kill();
    else if (dice < 0.82) node?.cutOff(this.random() < 0.3);
    else if (dice < 0.87) node?.freeze();
    else if (dice < 0.93) node?.heal();
    else if (dice < 0.97) await this.#change(receiver, { paused: this.random() < 0.5 });
    else if (dice < 0.985 && this.receivers.length < 5)
      await this.addDrain(this.#below(this.#channels.length));
    else if (this.receivers.length > 1) await this.#remove(receiver);
    if (dice >= 0.6 && dice < 0.93) this.#lastEventMs = this.#clock.nowMs();
    this.#bury();
  }

  async append(at: number, count: number): Promise<void> {
    const { id, lines } = this.#channels[at % this.#channels.length]!;
    const texts = Array.from(
      { length: count },
      (_, i) =>
        `${this.random() < 0.2 ? "noise" : "line"} ${lines.length + i} ${"x".repeat(this.#below(40))}`,
    );
    const batch = { ...batchOf(texts), firstLine: lines.length, acceptedAtMs: this.#clock.nowMs() };
    lines.push(...texts);
    this.counts.lines += count;
    await this.#engine.log.append(id, batch);
  }

  /** Lets time pass and looks at every shard now and then. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += lookMs) {
      await this.#clock.advance(Math.min(lookMs, ms - passed));
      this.#bury();
      const nowMs = this.#clock.nowMs();
      const wellSinceMs = Math.min(...this.nodes.map((node) => node.wellSinceMs ?? Number.POSITIVE_INFINITY));
      for (let shard = 0; shard < shards; shard++) {
        const sinceMs = Math.max(this.#heldAtMs[shard]!, wellSinceMs, this.#lastEventMs);
        if (this.nodes.some((node) => node.holds(shard))) this.#heldAtMs[shard] = nowMs;
        else if (nowMs > sinceMs) this.orphanMs = Math.max(this.orphanMs, nowMs - sinceMs);
      }
      if (this.orphanMs > orphanMsMax) this.#flaw(`a shard had no holder for ${this.orphanMs} ms`);
    }
  }

  async start(): Promise<ClusterNode | undefined> {
    if (this.nodes.length >= nodesMax) return undefined;
    const node = new ClusterNode(`n${++this.#started}`, {
      clock: this.#clock,
      log: this.#engine.log,
      store: (name) => this.#storeOf(name),
      random: this.random,
      sinkFor: (by, drain) => this.#sinkOf(by, drain),
      limits: this.#limits,
      shards,
    });
    this.nodes.push(node);
    void node.open();
    await this.#clock.advance(0);
    return node;
  }

  /** Begins to close a node; one that is frozen cannot be told. */
  stop(node: ClusterNode): void {
    if (node.isFrozen || !node.isOpen) return;
    void node.close();
  }

  async addDrain(at: number): Promise<ClusterReceiver> {
    const channel = this.#channels[at % this.#channels.length]!;
    const { end } = await this.#engine.log.recent(channel.id, 0);
    const filter = this.#faults && this.random() < 0.3 ? { filter: { exclude: "^noise" } } : {};
    const receiver: ClusterReceiver = {
      drain: drainOf(++this.#made, { channel: channel.id, start: end, ...filter }),
      channel,
      faultiness: this.#faults ? this.#oneOf([0, 0.2, 0.6]) : 0,
      linesMax: this.#faults ? this.#oneOf([Infinity, Infinity, 5]) : Infinity,
      refuses: this.#faults && this.random() < 0.2,
      first: [],
      seen: new Map(),
      frames: new Map(),
      repeats: 0,
      renamed: 0,
    };
    this.receivers.push(receiver);
    await this.#put(`drain/${receiver.drain.id}`, receiver.drain);
    return receiver;
  }

  /** All is well from now on; resolves when every line has its place in every ledger. */
  async heal(): Promise<void> {
    this.#healed = true;
    for (const node of this.nodes) node.heal();
    for (const receiver of this.receivers) await this.#change(receiver, { paused: false });
    for (let waitedMs = 0, quietMs = 0; quietMs < 3_000; waitedMs += 500) {
      if (!this.nodes.some(({ isOpen }) => isOpen)) await this.start();
      await this.pass(500);
      const behind: string[] = [];
      for (const { drain, channel } of this.receivers) {
        const { line } = await this.state(drain);
        if (line !== channel.lines.length)
          behind.push(`${drain.id} is at ${line} of ${channel.lines.length}`);
      }
      quietMs = behind.length === 0 ? quietMs + 500 : 0;
      assert(waitedMs < 120_000, `drains do not come to the end: ${behind}`);
    }
  }

  async close(): Promise<void> {
    for (const node of this.nodes) this.stop(node);
    await this.pass(5_000);
    for (const node of this.nodes) node.kill();
    await this.#engine.close();
  }

  async state(drain: DrainRecord): Promise<DrainCheckpoint> {
    const found = await this.#engine.store.get<DrainCheckpoint>(`drain-state/${drain.id}`);
    const none = { line: drain.start.line, delivered: 0, refused: 0, lost: 0, filtered: 0 };
    return found?.value ?? (none as DrainCheckpoint);
  }

  /** What is wrong with a receiver's ledger, in words. */
  async flawOf({ drain, channel, seen, first, refuses }: ClusterReceiver): Promise<string | undefined> {
    const { delivered, refused, lost, filtered, line } = await this.state(drain);
    const due = channel.lines.map((_, number) => number).slice(drain.start.line);
    const kept = due.filter((number) => drain.filter === undefined || !isNoise(channel.lines[number]!));
    const missing = kept.filter((number) => !seen.has(number)).length;
    this.counts.refused += refused;
    if (line !== channel.lines.length) return `the cursor is at ${line} of ${channel.lines.length}`;
    if (delivered + refused + lost + filtered !== due.length) return "the ledger does not add up";
    if (lost > 0) return `${lost} lines are counted as lost`;
    if (filtered !== due.length - kept.length) return `${filtered} are counted as filtered`;
    if (missing > refused) return `${missing} lines are missing, ${refused} refused`;
    if (seen.size > kept.length) return "lines came that are not due";
    const unordered = first.findIndex((number, at) => at > 0 && number < first[at - 1]!);
    if (unordered !== -1 && !refuses) return `line ${first[unordered]} came after ${first[unordered - 1]}`;
    return undefined;
  }

  /** The nodes that sent something since the last call, in the order in which they started. */
  takeSenders(): ClusterNode[] {
    const senders = this.nodes.filter((node) => this.#senders.has(node));
    this.#senders.clear();
    return senders;
  }

  #flaw(text: string): void {
    this.flaws.push(text);
  }

  #bury(): void {
    for (const [at, node] of [...this.nodes.entries()].reverse()) if (node.isDead) this.nodes.splice(at, 1);
  }

  async #change(receiver: ClusterReceiver, changes: Partial<DrainRecord>): Promise<void> {
    receiver.drain = { ...receiver.drain, ...changes };
    await this.#put(`drain/${receiver.drain.id}`, receiver.drain);
  }

  // As the registry does: the record, then the state.
  async #remove(receiver: ClusterReceiver): Promise<void> {
    this.receivers.splice(this.receivers.indexOf(receiver), 1);
    await this.#put(`drain/${receiver.drain.id}`, undefined);
    await this.#put(`drain-state/${receiver.drain.id}`, undefined);
  }

  async #put(key: string, value: unknown): Promise<void> {
    const { store } = this.#engine;
    await store.put(key, value, (await store.get(key))?.revision ?? 0);
  }

  // The Store as one node writes it: who may write a drain's state is whoever took the lease last that claimed it.
  #storeOf(node: string): Store {
    const { store } = this.#engine;
    return {
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      close: async () => {},
      put: async (key, value, revision) => {
        const isState = key.startsWith("drain-state/");
        const before = isState ? (await store.get<DrainCheckpoint>(key))?.value : undefined;
        const put = await store.put(key, value, revision);
        if (put === undefined) {
          if (isState) this.counts.keptOut++;
          return put;
        }
        if (key.startsWith("lease/shard/")) this.#leases.set(put, node);
        if (
          key.startsWith("lease/") &&
          this.nodes.find(({ name }) => name === node)?.wellSinceMs === undefined
        )
          this.#lastEventMs = this.#clock.nowMs();
        if (isState && value !== undefined) this.#committed(node, key, value as DrainCheckpoint, before);
        return put;
      },
    };
  }

  #committed(node: string, key: string, after: DrainCheckpoint, before: DrainCheckpoint | undefined): void {
    const { lease = 0, line } = after;
    if (this.#leases.get(lease) !== node) this.#flaw(`${node} wrote ${key} without a lease`);
    if (lease < (before?.lease ?? 0)) this.#flaw(`${node} wrote ${key} under an older lease than the last`);
    if (lease === before?.lease) this.counts.commits++;
    else this.counts.claims++;
    if (line < (before?.line ?? 0)) this.#flaw(`${node} set ${key} back from ${before?.line} to ${line}`);
  }

  #sinkOf(node: ClusterNode, { id }: DrainRecord): Sink {
    let isOpen = true;
    return {
      deliver: async (parcel, signal) => {
        assert(isOpen, "a closed sink is not used");
        const receiver = this.receivers.find(({ drain }) => drain.id === id);
        // Whatever is on its way arrives, though the node that sent it is gone or stopped waiting.
        const answer = receiver === undefined ? gone : this.#receive(node, receiver, parcel);
        await unlessAborted(answer, signal);
        await node.awake();
        signal.throwIfAborted();
        return answer;
      },
      close: async () => {
        isOpen = false;
      },
    };
  }

  async #receive(node: ClusterNode, receiver: ClusterReceiver, parcel: Parcel): Promise<Verdict> {
    this.#senders.add(node);
    const claimed = (await this.state(receiver.drain)).lease;
    if (this.#leases.get(claimed ?? 0) === undefined) this.#flaw(`${node.name} sends what nobody claimed`);
    const texts = textsOfParcel(parcel);
    assert.equal(texts.length, parcel.count, "a parcel counts its lines");
    const before = receiver.frames.get(parcel.parcelId) ?? texts.join("\n");
    if (before !== texts.join("\n")) this.#flaw("one parcel id stands for different lines");
    receiver.frames.set(parcel.parcelId, before);
    await this.#clock.sleep(this.#below(this.random() < 0.1 ? 3_000 : 100));
    if (node.isDead && this.random() < 0.5) return { kind: "retry", reason: "it never left" };
    if (texts.length > receiver.linesMax) return { kind: "split", reason: "413" };
    const isFaulty = !this.#healed && this.random() < receiver.faultiness;
    const dice = isFaulty ? this.random() : 1;
    if (dice < 0.4) return { kind: "retry", reason: "503" };
    if (receiver.refuses && texts.some(isDisliked)) return { kind: "refused", reason: "400" };
    this.#take(receiver, texts, parcel.parcelId);
    if (dice < 0.8) return { kind: "retry", reason: "taken, and nobody hears of it" };
    await this.#clock.sleep(dice < 1 ? 5_000 : this.#below(50));
    return dice < 1 ? { kind: "retry", reason: "no answer" } : { kind: "delivered" };
  }

  #take(receiver: ClusterReceiver, texts: readonly string[], parcelId: string): void {
    for (const text of texts) {
      const number = Number(/^(?:line|noise) (\d+) /.exec(text)![1]);
      assert.equal(receiver.channel.lines[number], text, "a line that nobody sent");
      const before = receiver.seen.get(number);
      this.counts.taken++;
      if (before === undefined) {
        receiver.first.push(number);
        receiver.seen.set(number, parcelId);
        continue;
      }
      receiver.repeats++;
      this.counts.repeats++;
      if (before === parcelId) continue;
      receiver.renamed++;
      this.counts.renamed++;
    }
  }

  #below(max: number): number {
    return Math.floor(this.random() * max);
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }
}

const gone: Promise<Verdict> = Promise.resolve({ kind: "retry", reason: "410" });
