/**
 * Apps, their drains and the nodes that run these, over one log and one Store, in a time that the test holds. What
 * happens is a list of steps; chance follows from a seed. In the end every line has its place in each drain's ledger.
 */
import assert from "node:assert";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import type { DrainLimits } from "../../src/drains/worker/performer.ts";
import type { Engine, Retention } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { drainOf, keepAll, limits } from "../drains/rig.ts";
import { batchOf, channelOf, textsOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { LendingLog } from "../support/lending-log.ts";
import { randomFrom } from "../support/random.ts";
import { Destination, type Mood, type Traits } from "./destination.ts";
import { SimNode } from "./sim-node.ts";
import type { Step } from "./steps.ts";
import { flawOf, stateOf, Witness } from "./witness.ts";

/** A destination's traits, and whether its drain has a filter, which takes noise out. */
export type DrainPlan = Partial<Traits> & { readonly hasFilter?: boolean };

export type Plan = {
  readonly seed: number;
  readonly channels?: number;
  readonly drains: readonly DrainPlan[];
  /** The mood of every destination at first. */
  readonly mood?: Mood;
  readonly retention?: Partial<Retention>;
  readonly limits?: Partial<DrainLimits>;
  readonly nodes?: number;
  /** Nodes share the drains by so many leases. Absent: there is one process at a time, which runs them all. */
  readonly shards?: number;
  readonly socketsMax?: number;
  readonly readAheadBytesMax?: number;
  /** Shares of the requests to the Store, and of the log's batches, that fail. */
  readonly storeFails?: number;
  readonly logFails?: number;
};

type Channel = { readonly id: ChannelId; readonly lines: string[] };

const nodesMax = 4;
const drainsMax = 5;
const noiseShare = 0.25;
const lookMs = 250;
const gentle: Traits = { faulty: 0, linesMax: Infinity, refuses: "nothing", isSilent: false, quietMs: 5 };
/** Longer than notices wait to be told. */
const quietMs = 130_000;

export class Simulator {
  readonly random: () => number;
  readonly destinations: Destination[] = [];
  readonly nodes: SimNode[] = [];
  readonly witness: Witness;
  readonly channels: readonly Channel[];
  readonly #plan: Plan;
  readonly #clock = new FakeClock({ gridMs: 10, turns: 1 });
  readonly #removed = new Map<string, Destination>();
  #engine!: Engine;
  /** Lends its batches: what a drain reads too late is rubbish. */
  #log!: LendingLog;
  #nodesMade = 0;
  #drainsMade = 0;
  #replaysMade = 0;
  #isHealed = false;

  private constructor(plan: Plan) {
    this.#plan = plan;
    this.random = randomFrom(plan.seed);
    this.witness = new Witness(this.#clock, plan.shards);
    this.channels = Array.from({ length: plan.channels ?? 1 }, (_, n) => ({
      id: channelOf(n + 1),
      lines: [],
    }));
  }

  static async open(plan: Plan): Promise<Simulator> {
    const simulator = new Simulator(plan);
    const retention = { ...keepAll, ...plan.retention };
    simulator.#engine = await openMemory({ clock: simulator.#clock, retention });
    simulator.#log = new LendingLog(simulator.#engine.log);
    for (const [index, drain] of plan.drains.entries()) await simulator.#addDrain(index, drain);
    for (let node = 0; node < (plan.nodes ?? 1); node++) await simulator.start();
    return simulator;
  }

  async take(step: Step): Promise<void> {
    const at = "drain" in step ? step.drain : 0;
    const destination = this.destinations[at % this.destinations.length]!;
    const node = "node" in step ? this.nodes[step.node % this.nodes.length] : undefined;
    switch (step.kind) {
      case "lines":
        return this.append(step.channel, step.count);
      case "pass":
        return this.pass(step.ms);
      case "mood":
        destination.mood = step.mood;
        return;
      case "break":
        return destination.break();
      case "pause":
      case "resume":
        return this.#change(destination, { paused: step.kind === "pause" });
      case "replay":
        return this.#replay(destination, step.agoMs);
      case "add":
        if (this.destinations.length < drainsMax)
          await this.#addDrain(step.channel, this.#plan.drains[step.channel % this.#plan.drains.length]!);
        return;
      case "remove":
        return this.destinations.length > 1 ? this.#remove(destination) : undefined;
      case "restart":
        for (const one of this.nodes) this.stop(one);
        await this.#untilAllAreGone();
        await this.#explainRestart(); // the Store may not have taken what was to be written last
        return this.start();
      default:
        return this.#befall(step, node);
    }
  }

  async append(at: number, count: number): Promise<void> {
    const { id, lines } = this.channels[at % this.channels.length]!;
    const texts = Array.from({ length: count }, (_, i) => {
      const kind = this.random() < noiseShare ? "noise" : "line";
      return `${kind} ${lines.length + i} ${"x".repeat(this.random() * 60)}`;
    });
    await this.#accept(id, texts);
  }

  /** Lets time pass, and looks at every shard now and then. */
  async pass(ms: number): Promise<void> {
    const stepMs = this.#plan.shards === undefined ? ms : lookMs;
    await this.#clock.advance(0);
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.#clock.advance(Math.min(stepMs, ms - passed));
      this.#bury();
      this.witness.look(this.nodes);
    }
  }

  /** Starts another node, unless there are as many as allowed. */
  async start(): Promise<void> {
    const { shards, socketsMax = 100, readAheadBytesMax = 1_000_000, storeFails, logFails } = this.#plan;
    if (this.nodes.length >= (shards === undefined ? 1 : nodesMax)) return;
    const node: SimNode = new SimNode(`n${++this.#nodesMade}`, {
      clock: this.#clock,
      log: this.#log,
      store: this.witness.storeOf(() => node, this.#engine.store),
      random: this.random,
      sinkFor: (drain, onBreak) => this.#destinationOf(drain).sink(node, onBreak),
      accept: (channel, lines) => this.#notice(channel, lines),
      limits: { ...limits, ...this.#plan.limits },
      socketsMax,
      readAheadBytesMax,
      shards,
      storeFails: this.#byChance(storeFails),
      logFails: this.#byChance(logFails),
      onChange: (changed) => this.#onChange(changed),
    });
    this.nodes.push(node);
    void node.open();
    await this.#clock.advance(0);
  }

  /** Begins to close a node, unless it is frozen. */
  stop(node: SimNode): void {
    if (!node.isFrozen && node.isOpen) void node.close();
  }

  /** All is well from now on. Resolves when every line has its place in every ledger, and nothing moves any more. */
  async heal(): Promise<void> {
    this.#isHealed = true;
    for (const node of this.nodes) node.heal();
    for (const destination of this.destinations) {
      destination.mood = "well";
      await this.#change(destination, { paused: false });
    }
    const stepMs = 10_000;
    let calmMs = 0;
    for (let waitedMs = 0; calmMs < quietMs; waitedMs += stepMs) {
      if (!this.nodes.some(({ isOpen }) => isOpen)) await this.start();
      const linesBefore = this.lines;
      await this.pass(stepMs);
      const lagging: string[] = [];
      for (const destination of this.destinations) {
        const { line, replay, unconfirmed } = await this.state(destination);
        const { length } = this.#linesOf(destination);
        if (line === length && replay?.position === undefined && unconfirmed === undefined) continue;
        lagging.push(`${destination.drain.id} is at ${line} of ${length}`);
      }
      calmMs = lagging.length === 0 && this.lines === linesBefore ? calmMs + stepMs : 0;
      assert(waitedMs < 4 * 3_600_000, `drains do not come to the end: ${lagging}`);
    }
  }

  /** Stops all nodes in order. */
  async close(): Promise<void> {
    for (const node of this.nodes) this.stop(node);
    await this.#untilAllAreGone();
    await this.#engine.close();
  }

  /** Describes what is wrong. */
  async flaws(): Promise<string[]> {
    const flaws = [...this.witness.flaws];
    for (const destination of this.destinations) {
      const flaw = flawOf(destination, await this.state(destination), this.#linesOf(destination));
      if (flaw !== undefined) flaws.push(`${destination.drain.id}: ${flaw}`);
    }
    return flaws;
  }

  state({ drain }: Destination): Promise<DrainCheckpoint> {
    return stateOf(this.#engine.store, drain);
  }

  /** Lines that were accepted, of all apps. */
  get lines(): number {
    return this.channels.reduce((all, { lines }) => all + lines.length, 0);
  }

  async #befall(step: Step, node: SimNode | undefined): Promise<void> {
    const isShared = this.#plan.shards !== undefined;
    this.witness.noteEvent();
    if (step.kind === "start" || node === undefined) return this.start();
    if (step.kind === "stop" && this.nodes.length > 1) this.stop(node);
    if (step.kind === "freeze") node.freeze();
    if (step.kind === "cut off") node.cutOff(step.fromLog);
    if (step.kind === "heal") node.heal();
    if (step.kind !== "crash") return;
    node.kill();
    this.#bury();
    await this.#explainRestart();
    if (!isShared) await this.start();
  }

  async #explainRestart(): Promise<void> {
    for (const destination of this.destinations) destination.restartAt(await this.state(destination));
  }

  #onChange(node: SimNode): void {
    if (node.isWell) return;
    for (const destination of this.destinations)
      destination.leaveTo(node, this.witness.stateOf(destination.drain));
  }

  #bury(): void {
    for (const [at, node] of [...this.nodes.entries()].reverse()) if (node.isDead) this.nodes.splice(at, 1);
  }

  async #untilAllAreGone(): Promise<void> {
    for (let waitedMs = 0; this.nodes.length > 0; waitedMs += 100) {
      assert(waitedMs < 60_000, "a node does not end");
      await this.#clock.advance(100);
      this.#bury();
    }
  }

  #byChance(share = 0): () => boolean {
    return () => share > 0 && !this.#isHealed && this.random() < share;
  }

  async #addDrain(at: number, { hasFilter, ...traits }: DrainPlan): Promise<void> {
    const channel = this.channels[at % this.channels.length]!;
    const { end } = await this.#engine.log.recent(channel.id, 0);
    const drain = drainOf(++this.#drainsMade, {
      channel: channel.id,
      start: end,
      ...(hasFilter && { filter: { exclude: "^noise" } }),
    });
    const destination = new Destination(drain, {
      clock: this.#clock,
      random: this.random,
      traits: { ...gentle, ...traits },
      lines: channel.lines,
      onSend: (node) => this.witness.sends(node, drain),
    });
    // Which repeats are explained where nodes share the drains is told by their parcel ids: see `renamed`.
    if (this.#plan.shards !== undefined) destination.repeatsMax = Infinity;
    destination.mood = this.#isHealed ? "well" : (this.#plan.mood ?? "well");
    this.destinations.push(destination);
    await this.#put(`drain/${drain.id}`, drain);
  }

  // A drain that is gone has a destination still, for what is on its way.
  #destinationOf({ id }: DrainRecord): Destination {
    const found = this.destinations.find(({ drain }) => drain.id === id) ?? this.#removed.get(id);
    return found!;
  }

  async #replay(destination: Destination, agoMs: number): Promise<void> {
    destination.counts.replays++;
    const sinceMs = this.#clock.nowMs() - agoMs;
    await this.#change(destination, { replay: { id: `replay ${++this.#replaysMade}`, sinceMs } });
  }

  async #change(destination: Destination, changes: Partial<DrainRecord>): Promise<void> {
    destination.drain = { ...destination.drain, ...changes };
    await this.#put(`drain/${destination.drain.id}`, destination.drain);
    await this.#clock.advance(0);
  }

  // As the registry does: the record, then the state.
  async #remove(destination: Destination): Promise<void> {
    const { id } = destination.drain;
    this.destinations.splice(this.destinations.indexOf(destination), 1);
    this.#removed.set(id, destination);
    await this.#put(`drain/${id}`, undefined);
    await this.#put(`drain-state/${id}`, undefined);
    this.witness.forget(destination.drain);
  }

  async #put(key: string, value: unknown): Promise<void> {
    const { store } = this.#engine;
    await store.put(key, value, (await store.get(key))?.revision ?? 0);
  }

  #linesOf({ drain }: Destination): readonly string[] {
    return this.channels.find(({ id }) => id === drain.channel)!.lines;
  }

  // Notices are lines as others are.
  async #notice(channel: ChannelId, lines: CanonicalLines): Promise<void> {
    const { length } = this.channels.find(({ id }) => id === channel)!.lines;
    await this.#accept(
      channel,
      textsOf(lines).map((text, i) => `line ${length + i} ${text.trimEnd()}`),
    );
  }

  async #accept(channel: ChannelId, texts: readonly string[]): Promise<void> {
    const { lines } = this.channels.find(({ id }) => id === channel)!;
    const firstLine = lines.length;
    lines.push(...texts);
    const batch = { ...batchOf(texts), firstLine, acceptedAtMs: this.#clock.nowMs() };
    await this.#engine.log.append(channel, batch);
  }
}
