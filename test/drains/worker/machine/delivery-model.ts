/**
 * A drain's delivery without a worker: one state, and a log, a slot and a destination that do by chance whatever such
 * things do. Everything that was sent, taken and lost on the way is written down.
 */
import assert from "node:assert";
import { begin, step } from "../../../../src/drains/worker/machine/delivery-state.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  Effect,
  NewEvent,
} from "../../../../src/drains/worker/machine/delivery-types.ts";
import { dueLine, isInFlight } from "../../../../src/drains/worker/machine/under-way.ts";
import type { CutRange } from "../../../../src/drains/worker/parcel.ts";
import type { Verdict } from "../../../../src/ports.ts";
import { type DrainCheckpoint, firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { rules as allRules, cutOf, placeOf, nowMs as startMs } from "./states.ts";

/** A whole number from 0 to `max - 1`. */
type Chance = (max: number) => number;

type Prepare = Extract<Effect, { kind: "prepare" }>;
type Parcel = {
  readonly number: number;
  readonly line: number;
  readonly cut: CutRange;
  readonly atMs: number;
};

/** Lines that are left out, and lines that the destination refuses. */
const isFiltered = (line: number) => line % 7 === 3;
const lineBytes = 100;

export class DeliveryModel {
  readonly rules: DeliveryRules = {
    ...allRules,
    limits: {
      ...allRules.limits,
      parcelLinesMax: 8,
      probeBytesMax: 2 * lineBytes,
      readAheadBytesMax: 20 * lineBytes,
      unsettledLinesMax: 30,
      unsettledBytesMax: 25 * lineBytes,
      unsettledParcelsMax: 4,
    },
  };
  state: DeliveryState;
  nowMs = startMs;
  /** Lines of the log: those before `first` are gone. */
  first = 0;
  end = 0;
  /** Lines in the order in which the destination took them, repeats included. */
  readonly taken: number[] = [];
  readonly refused = new Set<number>();
  /** Lines that were brought back by breaks. */
  madeUnconfirmed = 0;
  requests = 0;
  /** Parcels that were sent while others were not settled. */
  pipelined = 0;
  isPoison = (line: number): boolean => line % 23 === 11;
  readonly #chance: Chance;
  readonly #isSilent: boolean;
  #isCalm = false;
  /** Retention takes nothing. */
  readonly #keeps: boolean;
  /** What was asked for, and has not come yet. */
  #look: NewEvent | undefined;
  #isReading = false;
  #isAlone = false;
  /** Of the reading: lines at hand begin here. */
  #readLine = 0;
  #isSleeping = false;
  #isWaiting = false;
  /** Being made, made, and with the sink. */
  #making: Parcel | undefined;
  #made: Parcel | undefined;
  #going: Parcel | undefined;
  /** Given up by the sink, which has not said so yet. */
  #givenUp: Parcel | undefined;
  /** Sent and not settled. */
  #sent: Parcel[] = [];
  /** Settled lately: a break may lose them. */
  #recent: Parcel[] = [];
  #wishes = 0;

  constructor(chance: Chance, isSilent: boolean) {
    this.#chance = chance;
    this.#isSilent = isSilent;
    this.#keeps = chance(2) === 0;
    const { state, effects } = begin(firstCheckpoint({ start: placeOf(0) }), undefined);
    this.state = state;
    for (const effect of effects) this.#do(effect);
  }

  get checkpoint(): DrainCheckpoint {
    return this.state.memory.checkpoint;
  }

  /** Does one thing by chance. */
  act(): void {
    const { kind } = this.state;
    assert(kind !== "stopped");
    const answers = this.#answers();
    const grow = () => {
      this.end += 1 + this.#chance(40);
    };
    const pass = () => {
      this.nowMs += [1, 50, 400, 1_100, 130_000][this.#chance(5)]!;
    };
    const others = [grow, grow, pass, pass, () => this.#trim(), () => this.#break(), () => this.#ask()];
    const acts = answers.length > 0 && this.#chance(12) < 9 ? answers : others;
    acts[this.#chance(acts.length)]!();
  }

  #ask(): void {
    const sinceMs = this.#chance(this.end + 1);
    const asked: NewEvent[] = [
      { kind: "slot wanted" },
      { kind: "slot wanted" },
      { kind: "held up", reason: "patterns" },
      { kind: "memory wanted", ms: 1_000 },
    ];
    if (this.#chance(6) === 0)
      asked.push({ kind: "replay asked", asked: { id: `asked ${++this.#wishes}`, sinceMs } });
    this.#tell(asked.at(-1 - this.#chance(3))!);
  }

  /** All is well from now on, until every line has its place. */
  calm(): void {
    this.#isCalm = true;
    for (let steps = 0; !this.isSettled; steps++) {
      assert(steps < 100_000, `it does not come to an end: ${JSON.stringify(this.state)}`);
      const answers = this.#answers();
      if (answers.length === 0) this.nowMs += 1_000;
      else answers[this.#chance(answers.length)]!();
    }
  }

  get isSettled(): boolean {
    const { line, unconfirmed, replay } = this.checkpoint;
    const { asked } = this.state.memory;
    const isReplayed = asked === undefined || (replay?.id === asked.id && replay.position === undefined);
    return this.state.kind === "idle" && line === this.end && unconfirmed === undefined && isReplayed;
  }

  #tell(event: NewEvent): void {
    const before = this.checkpoint;
    const random = this.#chance(1_000) / 1_000;
    const { state, effects } = step(this.state, this.#now(event, random), this.rules);
    this.state = state;
    assert(this.checkpoint.line >= before.line, "the cursor never goes back");
    for (const effect of effects) this.#do(effect);
  }

  #now(event: NewEvent, random: number): DeliveryEvent {
    return { ...event, nowMs: this.nowMs, monotonicMs: this.nowMs - startMs, random };
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case "look":
        this.#isReading = false;
        this.#look = this.#looked(effect);
        break;
      case "read":
        this.#isReading = true;
        this.#readLine = effect.from.line;
        break;
      case "let go":
        this.#isReading = false;
        this.#look = undefined;
        break;
      case "take slot":
        this.#isWaiting = true;
        break;
      case "release":
        this.#isWaiting = false;
        this.#close();
        break;
      case "renew":
        this.#close();
        break;
      case "prepare":
        this.#prepare(effect);
        break;
      case "send":
        assert.equal(this.#made?.number, effect.number, "what is sent was prepared");
        assert(this.#going === undefined, "one parcel at a time is on its way out");
        this.#going = this.#made;
        this.#made = undefined;
        break;
      case "give up":
        this.#givenUp ??= this.#going;
        this.#going = undefined;
        break;
      case "sleep":
        assert(effect.ms > 0, "a wait has a length");
        this.#isSleeping = true;
        break;
      case "end":
        assert.fail("nobody stopped it");
    }
  }

  #looked({ choice }: Extract<Effect, { kind: "look" }>): NewEvent {
    const isEmpty = this.first >= this.end;
    const end = placeOf(this.end);
    if (choice.kind !== "replay" || isEmpty) return { kind: "looked", end, isEmpty };
    const { from } = choice;
    const wanted =
      from.kind === "since"
        ? from.timeMs
        : Number(String(from.kind === "after" && from.position).split(".")[0]);
    const line = Math.max(this.first, wanted);
    return { kind: "looked", end, isEmpty, start: line < choice.endLine ? placeOf(line) : undefined };
  }

  #prepare({ number, line, bounds, range, isAlone }: Prepare): void {
    const { isTrusted, failures } = this.state.memory;
    assert(isAlone === (!isTrusted && failures > 0), "alone from a failure until it delivers");
    assert(this.#isReading && line >= this.#readLine, "it was read");
    let endLine = line;
    let count = 0;
    for (; endLine < Math.min(bounds.endLine, this.end) && count < bounds.linesMax; endLine++) {
      if (isFiltered(endLine)) continue;
      if ((count + 1) * lineBytes > bounds.bytesMax && count > 0) break;
      count++;
    }
    assert(endLine > line && endLine <= range.endLine, "a parcel has lines of its range");
    const filtered = endLine - line - count;
    const cut = cutOf(line, endLine, { count, bytes: count * lineBytes, filtered });
    this.#making = { number, line, cut, atMs: this.nowMs };
    this.#isAlone = isAlone;
  }

  // What may happen next of what was asked for.
  #answers(): (() => void)[] {
    const answers: (() => void)[] = [];
    const look = this.#look;
    if (look !== undefined)
      answers.push(() => {
        this.#look = undefined;
        this.#tell(!this.#isCalm && this.#chance(20) === 0 ? { kind: "reading failed" } : look);
      });
    const due = dueLine(this.state, this.rules);
    if (this.#isReading && due !== undefined && due < this.end) answers.push(() => this.#read(due));
    if (this.#isWaiting)
      answers.push(() => {
        this.#isWaiting = false;
        this.#tell({ kind: "slot granted" });
      });
    if (this.#isSleeping && this.state.kind === "backing off") {
      const leftMs = this.state.untilMonotonicMs - (this.nowMs - startMs);
      if (leftMs <= 0 || this.#isCalm || this.#chance(4) === 0)
        answers.push(() => {
          this.nowMs += Math.max(0, leftMs);
          this.#isSleeping = false;
          this.#tell({ kind: "time passed" });
        });
    }
    const making = this.#making;
    if (making !== undefined) answers.push(() => this.#prepared(making));
    const going = this.#going;
    if (going !== undefined) answers.push(() => this.#out(going));
    const givenUp = this.#givenUp;
    if (givenUp !== undefined)
      answers.push(() => {
        this.#givenUp = undefined;
        this.#fail(givenUp, { kind: "retry", reason: "read too slowly", slow: true });
      });
    // Lines come faster than a connection stands for its quiet time.
    if (this.#sent.length > 0 && (answers.length === 0 || this.#chance(4) === 0))
      answers.push(() => this.#settle());
    return answers;
  }

  #read(due: number): void {
    this.#readLine = due;
    if (!this.#isCalm && this.state.kind === "idle" && this.#chance(50) === 0) {
      this.#isReading = false;
      this.#tell({ kind: this.#chance(2) === 0 ? "reading ended" : "reading failed" });
    } else if (this.first <= due) this.#tell({ kind: "lines" });
    else if (this.state.kind === "idle") this.#tell({ kind: "lines lost", place: placeOf(this.first) });
  }

  #prepared(parcel: Parcel): void {
    const { number, cut } = parcel;
    this.#making = undefined;
    if (!isInFlight(this.state, number)) return;
    if (cut.count === 0) this.#tell({ kind: "prepared", number, cut, outcome: "filtered" });
    else if (!this.#isCalm && this.#chance(20) === 0)
      this.#tell({ kind: "prepared", number, cut, outcome: "uncut" });
    else {
      if (this.#isAlone) this.#isReading = false;
      this.#made = parcel;
      this.#tell({ kind: "prepared", number, cut, outcome: "ready" });
    }
  }

  // The parcel leaves: over a silent protocol it is settled later, else it has its answer.
  #out(parcel: Parcel): void {
    const { number } = parcel;
    this.#going = undefined;
    this.requests++;
    if (!this.#isCalm && this.#chance(14) === 0) this.#fail(parcel, this.#noLuck());
    else if (!this.#isSilent) this.#tell({ kind: "verdict", number, verdict: this.#answer(parcel) });
    else {
      if (this.#sent.length > 0) this.pipelined++;
      this.#sent.push({ ...parcel, atMs: this.nowMs });
      this.#tell({ kind: "sent", number });
    }
  }

  #answer({ line, cut }: Parcel): Verdict {
    const lines = kept(line, cut.endLine);
    if (!this.#isCalm && cut.count > 5) return { kind: "split", reason: "413" };
    if (lines.some(this.isPoison)) {
      if (lines.length === 1) this.refused.add(lines[0]!);
      return { kind: "refused", reason: "400" };
    }
    this.taken.push(...lines);
    return { kind: "delivered" };
  }

  #noLuck(): Verdict {
    const dice = this.#chance(4);
    return {
      kind: "retry",
      reason: "no luck",
      ...(dice === 0 && { slow: true }),
      ...(dice === 1 && { afterMs: this.#chance(60_000) }),
      ...(dice === 2 && this.#isSilent && { stale: true }),
    };
  }

  #fail({ number }: Parcel, verdict: Verdict): void {
    // Those sent before it are settled first.
    while (this.#sent.length > 0) this.#settle();
    this.#tell({ kind: "verdict", number, verdict });
  }

  // One, or several at once.
  #settle(): void {
    const settled = this.#sent.splice(0, 1 + this.#chance(this.#sent.length));
    for (const parcel of settled) this.#recent.push({ ...parcel, atMs: this.nowMs });
    for (const { number } of settled) this.#tell({ kind: "verdict", number, verdict: { kind: "delivered" } });
  }

  // Lost on the way: all that is not settled, and some of what was settled within the last second.
  #break(): void {
    if (!this.#isSilent || !this.state.memory.hasSlot) return;
    const [unsettled] = this.#sent;
    const recent = this.#recent.filter(({ atMs }) => this.nowMs - atMs <= 1_000);
    const lostFrom = this.#chance(recent.length + 1);
    const arrived = [
      ...this.#recent.slice(0, this.#recent.length - recent.length),
      ...recent.slice(0, lostFrom),
    ];
    this.#arrive(arrived);
    this.#recent = [];
    this.#sent = [];
    const going = this.#going;
    this.#going = undefined;
    const before =
      this.checkpoint.unconfirmed?.reduce((sum, { line, endLine }) => sum + endLine - line, 0) ?? 0;
    this.#tell({ kind: "connection broke", reason: "reset" });
    const after =
      this.checkpoint.unconfirmed?.reduce((sum, { line, endLine }) => sum + endLine - line, 0) ?? 0;
    this.madeUnconfirmed += Math.max(0, after - before);
    const failed = unsettled ?? going;
    if (failed !== undefined && "inFlight" in this.state)
      this.#tell({ kind: "verdict", number: failed.number, verdict: { kind: "retry", reason: "reset" } });
  }

  // In order, a connection that is closed delivers all that was settled.
  #close(): void {
    this.#arrive(this.#recent);
    this.#recent = [];
    this.#sent = [];
    this.#going = undefined;
  }

  #arrive(parcels: readonly Parcel[]): void {
    for (const { line, cut } of parcels) this.taken.push(...kept(line, cut.endLine));
  }

  #trim(): void {
    if (this.#keeps) return;
    this.first = Math.max(this.first, this.end - 20 - this.#chance(100));
  }

  /** What arrived by the end. */
  finish(): void {
    this.#close();
  }

  /** Lines that the destination should have, those refused and lost aside. */
  due(): number[] {
    return kept(0, this.end);
  }
}

function kept(line: number, endLine: number): number[] {
  const lines: number[] = [];
  for (let at = line; at < endLine; at++) if (!isFiltered(at)) lines.push(at);
  return lines;
}

/** The rate is a sum of fractions, in whose last digits the order shows. */
