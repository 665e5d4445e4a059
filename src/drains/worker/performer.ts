/**
 * Carries out the effects of the state machine and reports the results to it: reads the log, waits for slots and times,
 * has parcels sent, writes the checkpoint. It makes no decisions.
 */
import type { LineFilter } from "../../core/filter/line-filter.ts";
import type { Patterns } from "../../patterns/patterns.ts";
import type { ChannelLog, Clock, Store } from "../../ports.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { SinkSlot, type SinkSlotParts } from "../connections/sink-slot.ts";
import type { DrainNotices } from "../notices.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { Takeover } from "./checkpoint/takeover.ts";
import { Courier } from "./courier.ts";
import type {
  DeliveryLimits,
  DeliveryState,
  Effect,
  NewEvent,
  Notice,
  Within,
} from "./machine/delivery-types.ts";
import type { RangeChoice } from "./machine/ranges.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { ReadAheadBudget } from "./read-ahead-budget.ts";
import { LogUnreadable, survey } from "./survey.ts";

/** The bounds of each drain. */
export type DrainLimits = DeliveryLimits & {
  /** A checkpoint is written at most this long after it changed. */
  readonly commitMsMax: number;
};

export type PerformerParts = SinkSlotParts & {
  readonly log: ChannelLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly readAhead: ReadAheadBudget;
  readonly patterns: Pick<Patterns, "selector" | "redactions">;
  readonly notices: Pick<DrainNotices, "lost" | "refused" | "certificate" | "expiring">;
  readonly limits: DrainLimits;
};

type Work = {
  readonly drain: DrainRecord;
  readonly filter: LineFilter | undefined;
  readonly parts: PerformerParts;
  readonly checkpoint: Checkpoint;
  readonly isShared: boolean;
};
type Hooks = {
  /** True while the parcel is under way. */
  readonly isInFlight: (number: number) => boolean;
  readonly ended: () => void;
  readonly broke: (fault: unknown) => void;
};
type Read = Effect & { readonly kind: "read" };

export class Performer {
  readonly #work: Work;
  readonly #tell: (event?: NewEvent) => void;
  readonly #hooks: Hooks;
  readonly #slot: SinkSlot;
  readonly #takeover: Takeover | undefined;
  readonly #courier: Courier;
  #reading: ReadAhead | undefined;
  /** The readers that are being closed. */
  #closing: Promise<unknown> = Promise.resolve();
  /** The current look and the current sleep: the end of an earlier one is ignored. */
  #look: Promise<void> | undefined;
  #sleep: AbortController | undefined;

  constructor(work: Work, tell: (event?: NewEvent) => void, hooks: Hooks) {
    const { drain, filter, parts, checkpoint, isShared } = work;
    this.#work = work;
    this.#tell = tell;
    this.#hooks = hooks;
    this.#slot = new SinkSlot(drain, parts, {
      onGranted: () => tell({ kind: "slot granted" }),
      onWanted: () => tell({ kind: "slot wanted" }),
      onBreak: (reason) => tell({ kind: "connection broke", reason }),
    });
    const { clock, limits } = parts;
    const slot = this.#slot;
    const { commitMsMax } = limits;
    const takeover = isShared ? new Takeover({ checkpoint, clock, commitMsMax }) : undefined;
    const { isInFlight } = hooks;
    this.#takeover = takeover;
    const { patterns } = parts;
    this.#courier = new Courier({ drain, filter, patterns, clock, slot, takeover, tell, isInFlight });
  }

  /** The event for the lines from `line` on, if `state` can do anything about it. */
  find(state: DeliveryState, line: number | undefined): NewEvent | undefined {
    const found = line === undefined ? undefined : this.#reading?.seek(line);
    if (found === undefined || found.kind === "nothing yet") return undefined;
    if (found.kind === "lines") return { kind: "lines" };
    if (state.kind !== "idle") return undefined; // what is under way comes first
    if (found.kind === "gap") return { kind: "lines lost", place: found.place };
    if (found.kind === "replaced") {
      this.#work.parts.logger.warn(
        { drain: this.#work.drain.id },
        "a drain's log was replaced: it begins with its oldest line",
      );
      return { kind: "log replaced", place: found.place };
    }
    if (found.kind === "ended") return { kind: "reading ended" };
    this.#logUnreadable(found.cause);
    return { kind: "reading failed" };
  }

  /** Starts what `effect` asks for. `state` is the state after the step. */
  do(effect: Effect, state: DeliveryState): void {
    switch (effect.kind) {
      case "look":
        this.#lookAt(effect.choice);
        break;
      case "read":
        this.#read(effect);
        break;
      case "widen":
        this.#reading?.widen(effect.bytesMax);
        break;
      case "let go":
        this.#letGo();
        break;
      case "take slot":
        this.#slot.take(effect.queue);
        break;
      case "release":
        this.#guarded(this.#slot.release());
        break;
      case "rest":
        this.#slot.rest();
        break;
      case "renew":
        this.#slot.renew();
        break;
      case "prepare":
        this.#guarded(this.#courier.prepare(effect, this.#reading!, () => this.#closeReading()));
        break;
      case "send":
        this.#guarded(this.#courier.send(effect.number));
        break;
      case "give up":
        this.#slot.giveUp(effect.ms);
        break;
      case "abandon":
        this.#courier.abandon();
        break;
      case "hold":
        this.#takeover?.hold(effect.endLine);
        break;
      case "unhold":
        this.#takeover?.unhold();
        break;
      case "record":
        this.#record(state, effect.within);
        break;
      case "notify":
        this.#notify(effect.notice);
        break;
      case "sleep":
        this.#guarded(this.#sleepFor(effect.ms));
        break;
      case "end":
        this.#guarded(this.#end());
    }
  }

  /** Ends everything at once; resolves when all has ended. */
  async giveUp(): Promise<void> {
    this.#letGo();
    this.#courier.abandon();
    this.#sleep?.abort();
    await Promise.allSettled([this.#slot.release(), this.#closing, this.#work.checkpoint.close()]);
  }

  #lookAt(choice: RangeChoice): void {
    const { log } = this.#work.parts;
    this.#letGo();
    const look = survey(log, this.#work.drain.channel, choice).then(
      (found) => this.#look === look && this.#tell({ kind: "looked", ...found }),
      (failure: unknown) => {
        if (!(failure instanceof LogUnreadable)) throw failure;
        if (this.#look !== look) return;
        this.#logUnreadable(failure.cause);
        this.#tell({ kind: "reading failed" });
      },
    ) as Promise<void>;
    this.#look = look;
    this.#guarded(look);
  }

  #read({ from, bytesMax, throughLine }: Read): void {
    const { log, readAhead } = this.#work.parts;
    this.#reading = new ReadAhead({
      log,
      channel: this.#work.drain.channel,
      from: { kind: "after", position: from.position },
      bytesMax,
      budget: readAhead,
      throughLine,
      onChange: () => this.#tell(),
      onWanted: (ms) => this.#tell({ kind: "memory wanted", ms }),
    });
  }

  #letGo(): void {
    this.#look = undefined;
    this.#courier.forget();
    this.#closeReading();
  }

  #closeReading(): void {
    if (this.#reading !== undefined) this.#closing = Promise.all([this.#closing, this.#reading.close()]);
    this.#reading = undefined;
  }

  #record(state: DeliveryState, within: Within): void {
    const { checkpoint } = state.memory;
    const parcelEnd = this.#takeover?.parcelEnd;
    this.#work.checkpoint.set(parcelEnd === undefined ? checkpoint : { ...checkpoint, parcelEnd }, within);
  }

  #notify(notice: Notice): void {
    const { drain, parts } = this.#work;
    if (notice.kind === "lost") parts.notices.lost(drain, notice.lines, notice.sinceMs);
    else if (notice.kind === "refused")
      parts.notices.refused(drain, notice.lines, notice.sinceMs, notice.reason);
    else parts.notices[notice.kind](drain, notice.reason);
  }

  async #sleepFor(ms: number): Promise<void> {
    this.#sleep?.abort();
    const sleep = new AbortController();
    this.#sleep = sleep;
    await this.#work.parts.clock.sleep(ms, sleep.signal);
    if (this.#sleep !== sleep || sleep.signal.aborted) return;
    this.#sleep = undefined;
    this.#tell({ kind: "time passed" });
  }

  // Breaks that are reported while the connection closes still go into the checkpoint.
  async #end(): Promise<void> {
    this.#sleep?.abort();
    this.#courier.abandon();
    await this.#slot.release();
    await this.#closing;
    await this.#work.checkpoint.close();
    this.#hooks.ended();
  }

  #logUnreadable(err: unknown): void {
    this.#work.parts.logger.error({ err, drain: this.#work.drain.id }, "a drain could not read its log");
  }

  // Any failure here is a fault of the program.
  #guarded(work: Promise<unknown> | undefined): void {
    work?.catch(this.#hooks.broke);
  }
}
