/**
 * Runs one drain: hands events to the state machine of `machine/delivery-state.ts`, which makes all decisions, and its
 * effects to the performer.
 */
import type { LineFilter } from "../../core/filter/line-filter.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { Checkpoint } from "./checkpoint/checkpoint.ts";
import type { CheckpointPace } from "./checkpoint/checkpoint-pace.ts";
import type { CheckpointSheets } from "./checkpoint/checkpoint-sheets.ts";
import { countLines } from "./line-counts.ts";
import type { ReceiverLimits } from "./machine/batcher.ts";
import { begin, step } from "./machine/delivery-state.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  NewEvent,
  Step,
} from "./machine/delivery-types.ts";
import type { AskedReplay } from "./machine/ranges.ts";
import { dueLine, isInFlight } from "./machine/under-way.ts";
import { Performer, type PerformerParts } from "./performer.ts";

export type WorkerParts = PerformerParts & {
  /**
   * Present where nodes share the drains: a new worker takes over the drain's checkpoint from whoever had it before.
   */
  readonly sheets?: Pick<CheckpointSheets, "open"> | undefined;
  /** Present where one process has all drains: how soon they write their checkpoints. */
  readonly pace?: CheckpointPace | undefined;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
  /** The receiver's own bounds for one parcel, if they are below the limits. Must not throw. */
  readonly receiverFor?: (drain: DrainRecord) => ReceiverLimits;
};

/** Runs one drain until it is stopped, or until somebody else turns out to own it. */
export class DrainWorker {
  readonly #parts: WorkerParts;
  readonly #rules: DeliveryRules;
  readonly #performer: Performer;
  readonly #running: Promise<void>;
  #settle!: { readonly resolve: () => void; readonly reject: (fault: unknown) => void };
  #state: DeliveryState;
  /** Events to step through, in order: a step may add events of its own. */
  readonly #events: NewEvent[] = [];
  #isStepping = false;

  private constructor(
    drain: DrainRecord,
    filter: LineFilter | undefined,
    parts: WorkerParts,
    checkpoint: Checkpoint,
  ) {
    this.#parts = parts;
    this.#rules = {
      startLine: drain.start.line,
      createdAtMs: Date.parse(drain.createdAt),
      limits: parts.limits,
      receiver: parts.receiverFor?.(drain) ?? {},
    };
    const isShared = parts.sheets !== undefined;
    this.#performer = new Performer(
      { drain, filter, parts, checkpoint, isShared },
      (event) => this.#tell(event),
      {
        isInFlight: (number) => isInFlight(this.#state, number),
        ended: () => this.#settle.resolve(),
        broke: (fault) => this.#break(fault),
      },
    );
    this.#running = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#running.catch(() => {}); // whoever awaits the end is told
    const first = begin(checkpoint.latest, drain.replay);
    this.#state = first.state;
    if (checkpoint.isTakenOver) this.#tell({ kind: "stop" });
    else this.#follow(() => first);
  }

  /** Continues where the drain's checkpoint says. `filter` is the record's filter, compiled. */
  static async open(
    drain: DrainRecord,
    filter: LineFilter | undefined,
    parts: WorkerParts,
  ): Promise<DrainWorker> {
    const { store, clock, logger, limits, pace } = parts;
    const { commitMsMax } = limits;
    const onConflict = () => worker.#tell({ kind: "stop" });
    const checkpoint =
      (await parts.sheets?.open(drain, onConflict)) ??
      (await Checkpoint.open(drain, { store, clock, logger, commitMsMax, pace }, onConflict));
    const worker: DrainWorker = new DrainWorker(drain, filter, parts, checkpoint);
    return worker;
  }

  /** Resolves when the worker has ended, for whatever reason; rejects when it broke. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** The state of delivery, slightly ahead of what is in the Store. */
  get checkpoint(): DrainCheckpoint {
    return this.#state.memory.checkpoint;
  }

  /** True when everything there was is settled, and it waits for lines. */
  get isIdle(): boolean {
    return this.#state.kind === "idle";
  }

  /** The owner wants lines to be sent again: this begins after what is under way, which continues. */
  replay(asked: AskedReplay): void {
    this.#tell({ kind: "replay asked", asked });
  }

  /** Idempotent. Begins nothing new, gives what is under way `graceMs` to end, and writes the checkpoint. */
  async stop(graceMs: number): Promise<void> {
    this.#tell({ kind: "stop" });
    const ended = new AbortController();
    const running = this.#running.catch(() => {}).finally(() => ended.abort());
    if (graceMs > 0) await this.#parts.clock.sleep(graceMs, ended.signal);
    this.#tell({ kind: "abort" });
    await running;
  }

  // Steps through `event`, or looks whether there are lines to send now.
  #tell(event?: NewEvent): void {
    if (event !== undefined) this.#events.push(event);
    if (this.#isStepping) return;
    this.#follow(() => undefined);
  }

  // Does what `first` asks for, and everything that follows from it. Never throws: the worker breaks instead.
  #follow(first: () => Step | undefined): void {
    this.#isStepping = true;
    try {
      for (let next = first() ?? this.#step(); next !== undefined; next = this.#step()) this.#take(next);
    } catch (fault) {
      this.#break(fault);
    } finally {
      this.#isStepping = false;
    }
  }

  #step(): Step | undefined {
    const event =
      this.#events.shift() ?? this.#performer.find(this.#state, dueLine(this.#state, this.#rules));
    if (event === undefined) return undefined;
    const { clock, random } = this.#parts;
    const timed = timedEvent(event, clock.nowMs(), clock.monotonicMs(), random());
    return step(this.#state, timed, this.#rules);
  }

  #take({ state, effects }: Step): void {
    const before = this.#state.memory.checkpoint;
    this.#state = state;
    if (state.memory.checkpoint !== before) countLines(before, state.memory.checkpoint);
    for (const effect of effects) this.#performer.do(effect, state);
  }

  // A fault of the program: the worker stops, and whoever runs it is told.
  #break(fault: unknown): void {
    this.#state = { kind: "stopped", memory: this.#state.memory };
    this.#performer.giveUp().finally(() => this.#settle.reject(fault));
  }
}

// Spelled out because this runs for every parcel: a spread over objects of many shapes takes longer than the step
// itself.
function timedEvent(event: NewEvent, nowMs: number, monotonicMs: number, random: number): DeliveryEvent {
  switch (event.kind) {
    case "lines":
      return { kind: "lines", nowMs, monotonicMs, random };
    case "sent":
      return { kind: "sent", number: event.number, nowMs, monotonicMs, random };
    case "prepared": {
      const { number, cut, outcome } = event;
      return { kind: "prepared", number, cut, outcome, nowMs, monotonicMs, random };
    }
    case "verdict": {
      const { number, verdict, isNotices = false } = event;
      return { kind: "verdict", number, verdict, isNotices, nowMs, monotonicMs, random };
    }
    default:
      return { ...event, nowMs, monotonicMs, random };
  }
}
