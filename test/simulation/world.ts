/** One app with two drains, the first with a filter, on a process that is stopped and killed; time is held by the test. */
import { pino } from "pino";
import type { ChannelId } from "../../src/core/ids.ts";
import { checkpointKey } from "../../src/core/record-keys.ts";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { DrainNotices } from "../../src/drains/notices.ts";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import { ReadAheadBudget } from "../../src/drains/worker/read-ahead.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { channel, drainOf, keepAll, limits } from "../drains/rig.ts";
import { batchOf } from "../support/batches.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { patternsInProcess } from "../support/patterns.ts";
import { MortalProcess } from "./process.ts";
import { type Mood, Receiver } from "./receiver.ts";

export type Step =
  | { readonly kind: "lines"; readonly count: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "mood"; readonly drain: number; readonly mood: Mood }
  | { readonly kind: "pause" | "resume"; readonly drain: number }
  | { readonly kind: "replay"; readonly drain: number; readonly agoMs: number }
  | { readonly kind: "crash" | "restart" };

type Running = {
  readonly process: MortalProcess;
  readonly supervisor: DrainSupervisor;
  readonly notices: DrainNotices;
  readonly slots: ConnectionSlots;
};

const logger = pino({ level: "silent" });
/** Longer than any wait of a drain: back-off, notices, a receiver's silence. */
const calmMs = 90_000;

/** The first drain's filter keeps these out. */
export const isExcluded = (text: string): boolean => /^line \d*7$/.test(text);

export class World {
  readonly receivers = [new Receiver(), new Receiver()] as const;
  /** Numbered lines that were acknowledged. */
  fed = 0;
  readonly #clock: FakeClock;
  readonly #engine: Engine;
  readonly #drains: readonly DrainRecord[];
  #running: Running | undefined;
  #replays = 0;

  private constructor(clock: FakeClock, engine: Engine, drains: readonly DrainRecord[]) {
    this.#clock = clock;
    this.#engine = engine;
    this.#drains = drains;
  }

  static async open(channelLinesMax: number): Promise<World> {
    const clock = new FakeClock();
    const engine = await openMemory({ clock, retention: { ...keepAll, channelLinesMax } });
    const drains = [drainOf(1, { filter: { exclude: "^line \\d*7$" } }), drainOf(2)];
    for (const drain of drains) await engine.store.put(`drain/${drain.id}`, drain, 0);
    const world = new World(clock, engine, drains);
    await world.#start();
    return world;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "lines":
        return this.#feed(step.count);
      case "pass":
        return this.#clock.advance(step.ms);
      case "mood":
        this.receivers[step.drain]!.mood = step.mood;
        return;
      case "pause":
      case "resume":
        return this.#change(step.drain, { paused: step.kind === "pause" });
      case "replay": {
        const wish = { id: `replay ${++this.#replays}`, sinceMs: this.#clock.nowMs() - step.agoMs };
        return this.#change(step.drain, { replay: wish });
      }
      case "crash":
        this.#running?.process.crash();
        return this.#start();
      case "restart":
        await this.#stop();
        return this.#start();
    }
  }

  /** Makes all well again, waits until nothing moves any more, and stops. */
  async end(): Promise<{ lines: number; states: DrainCheckpoint[] }> {
    for (const receiver of this.receivers) receiver.mood = "well";
    for (const index of this.#drains.keys()) await this.#change(index, { paused: false });
    await this.#clock.advance(calmMs);
    await this.#clock.advance(calmMs); // for the notices of the first
    await this.#stop();
    const { end } = await this.#engine.log.recent(channel, 1);
    const states: DrainCheckpoint[] = [];
    for (const drain of this.#drains) {
      const stored = await this.#engine.store.get(checkpointKey(drain.id));
      states.push(readCheckpoint(stored?.value, drain));
    }
    await this.#engine.close();
    return { lines: end.line, states };
  }

  async #feed(count: number): Promise<void> {
    const texts = Array.from({ length: count }, (_, i) => `line ${this.fed + i}`);
    await this.#engine.log.append(channel, batchOf(texts, { acceptedAtMs: this.#clock.nowMs() }));
    this.fed += count;
  }

  async #change(index: number, changes: Partial<DrainRecord>): Promise<void> {
    const key = `drain/${this.#drains[index]!.id}`;
    const { value, revision } = (await this.#engine.store.get<DrainRecord>(key))!;
    await this.#engine.store.put(key, { ...value, ...changes }, revision);
  }

  async #start(): Promise<void> {
    const process = new MortalProcess(this.#engine, this.#clock);
    const { clock, log, store } = process;
    const append = (to: ChannelId, lines: object) =>
      log.append(to, { ...batchOf(["x"]), ...lines, acceptedAtMs: clock.nowMs() });
    const notices = new DrainNotices({ append, clock, logger, everyMs: 60_000 });
    const slots = new ConnectionSlots({
      socketsMax: 2,
      idleMsMax: 2_000,
      failingMax: 1,
      failingEveryMs: 5,
      clock,
    });
    const supervisor = await DrainSupervisor.open({
      log,
      store,
      clock,
      random: () => 0.5,
      sinkFor: ({ number }) => this.receivers[number - 1]!.sink(clock, () => process.isAlive),
      slots,
      readAhead: new ReadAheadBudget(4_096),
      patterns: patternsInProcess(),
      notices,
      limits: {
        ...limits,
        parcelLinesMax: 8,
        parcelBytesMax: 600,
        probeBytesMax: 300,
        readAheadBytesMax: 1_000,
      },
      logger,
      startsMax: 1,
      restartMs: 1_000,
      closeMsMax: 1_000,
    });
    this.#running = { process, supervisor, notices, slots };
  }

  async #stop(): Promise<void> {
    const { supervisor, notices, slots } = this.#running!;
    let isClosed = false;
    const closing = supervisor
      .close()
      .then(() => notices.close())
      .then(() => (isClosed = true));
    while (!isClosed) await this.#clock.advance(100);
    await closing;
    slots.close();
  }
}
