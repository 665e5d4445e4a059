/**
 * A drain's destination, with traits and a mood. What came is written down; what must never come is an error at the
 * moment it does. It counts the repeats that its own faults explain, and knows what a break took with it.
 */
import assert from "node:assert";
import type { Clock, Parcel, Sink, Verdict } from "../../src/ports.ts";
import type { DrainCheckpoint } from "../../src/registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { textsOfParcel } from "../drains/rig.ts";
import { SilentSink } from "../support/silent-sink.ts";
import { type SimNode, unlessAborted } from "./sim-node.ts";

/**
 * - `well` takes everything, `slow` in its time.
 * - `down` takes nothing; `mute` neither takes nor answers, until the attempt's time is over.
 * - `forgetful` takes the lines, and the answer is lost.
 * - `narrow` takes three lines at a time, `picky` refuses what holds a line that it dislikes.
 * - `erratic` does any of these, and more, to as many parcels as it is `faulty`.
 */
export const moods = ["well", "slow", "down", "mute", "forgetful", "narrow", "picky", "erratic"] as const;
export type Mood = (typeof moods)[number];

export type Traits = {
  readonly faulty: number;
  /** More lines than this in a parcel are too many. */
  readonly linesMax: number;
  /** What it does not take: anything now and then while it is erratic, or always what it dislikes. */
  readonly refuses: "nothing" | "anything" | "disliked";
  /** Its protocol has no answers; a connection that stood for so long has what it was given. */
  readonly isSilent: boolean;
  readonly quietMs: number;
};

type DestinationParts = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly traits: Traits;
  /** The lines of the app's log, each in its place. */
  readonly lines: readonly string[];
  readonly onSend: (node: SimNode, drain: DrainRecord) => void;
};

type Connection = { readonly node: SimNode; readonly sink: SilentSink };

const slowMs = 300;
const attemptMsMax = 10_000;
const waitMsMax = 60_000;
const narrowLines = 3;
const retry = (reason: string): Verdict => ({ kind: "retry", reason });

export const isNoise = (text: string): boolean => text.startsWith("noise");
const isDisliked = (text: string): boolean => /^line \d*7 /.test(text);
const numberOf = (text: string): number => Number(/^(?:line|noise) (\d+) /.exec(text)![1]);

const isUnconfirmed = ({ unconfirmed = [] }: DrainCheckpoint, number: number): boolean =>
  unconfirmed.some(({ line, endLine }) => line <= number && number < endLine);

export class Destination {
  /** The drain, as the Store has it. */
  drain: DrainRecord;
  readonly traits: Traits;
  mood: Mood = "well";
  /** Numbers of lines in the order in which they came first. */
  readonly first: number[] = [];
  /** The parcel id under which each line came first. */
  readonly seen = new Map<number, string>();
  /** Refused at some time; when the process dies before it is written down they come again, and may be taken then. */
  readonly refused = new Set<number>();
  /** Came when whoever sent them was gone, or had given up: others may be further on by then. */
  readonly late = new Set<number>();
  /** Lost with a connection of which only a node that is gone knew that it broke. */
  readonly excused = new Set<number>();
  readonly counts = { taken: 0, repeats: 0, renamed: 0, breaks: 0, gone: 0, followed: 0, replays: 0 };
  /** The most repeats that faults explain. Each replay explains one more of every line. */
  repeatsMax = 0;
  readonly #parts: DestinationParts;
  /** What came under a parcel id, the first time. */
  readonly #parcels = new Map<string, string>();
  readonly #connections = new Set<Connection>();
  /** Lines that were lost with a connection, and the node that knows of it. */
  readonly #lost = new Map<number, SimNode>();

  constructor(drain: DrainRecord, parts: DestinationParts) {
    this.drain = drain;
    this.traits = parts.traits;
    this.#parts = parts;
  }

  /** The sink through which one node uses it. */
  sink(node: SimNode, onBreak: (reason: string) => void): Sink {
    return this.traits.isSilent ? this.#silentSink(node, onBreak) : this.#answeringSink(node);
  }

  /** Breaks its connection, if it has one that can. */
  break(): void {
    for (const connection of this.#connections) this.#break(connection, this.#parts.random());
  }

  /**
   * The node does nothing for a while, or is gone: what it sent arrives, and what it alone knew nobody knows. The others
   * know what it wrote.
   */
  leaveTo(node: SimNode, written: DrainCheckpoint | undefined): void {
    for (const connection of this.#connections) if (connection.node === node) connection.sink.arrive();
    for (const [number, by] of this.#lost) {
      if (by !== node) continue;
      this.#lost.delete(number);
      if (written !== undefined && number < written.line && !isUnconfirmed(written, number))
        this.excused.add(number);
    }
  }

  /** A process died, and the next one goes on as was `written`: what that owes, and all behind its cursor, may repeat. */
  restartAt(written: DrainCheckpoint): void {
    for (const number of this.seen.keys())
      if (number >= written.line || isUnconfirmed(written, number) || this.counts.replays > 0)
        this.repeatsMax++;
  }

  #answeringSink(node: SimNode): Sink {
    let isOpen = true;
    return {
      deliver: async (parcel, signal) => {
        assert(isOpen, "a closed sink is not used");
        await node.awake();
        // What is on its way arrives, though the node that sent it is gone or stopped waiting.
        const answer = this.#answer(node, parcel, signal);
        await unlessAborted(answer, signal);
        await node.awake();
        signal.throwIfAborted();
        return answer;
      },
      giveUp: () => {},
      close: async () => {
        isOpen = false;
      },
    };
  }

  async #answer(node: SimNode, parcel: Parcel, signal: AbortSignal): Promise<Verdict> {
    const { clock, random } = this.#parts;
    const { linesMax, refuses } = this.traits;
    const texts = this.#read(node, parcel);
    const take = (some: readonly string[]) => {
      if (signal.aborted || node.isDead) this.#takeLate(some);
      this.#take(some, parcel.parcelId);
    };
    if (random() < 0.5) await clock.sleep(random() * (random() < 0.1 ? 3_000 : 100));
    const { mood } = this;
    if (node.isDead && random() < 0.5) return retry("it never left");
    if (texts.length > (mood === "narrow" ? narrowLines : linesMax)) return { kind: "split", reason: "413" };
    if (mood === "down") return { kind: "retry", reason: "down", afterMs: 100 };
    if (mood === "mute") {
      await clock.sleep(attemptMsMax);
      return retry("no answer");
    }
    if (mood === "slow") await clock.sleep(slowMs);
    if ((mood === "picky" || refuses === "disliked") && texts.some(isDisliked)) return this.#refuse(texts);
    if (mood === "erratic" && random() < this.traits.faulty) return this.#fail(texts, take);
    take(texts);
    return mood === "forgetful" ? this.#unheard(texts) : { kind: "delivered" };
  }

  async #fail(texts: readonly string[], take: (some: readonly string[]) => void): Promise<Verdict> {
    const { clock, random } = this.#parts;
    const dice = random();
    const isAnything = this.traits.refuses === "anything";
    if (dice < 0.3) return retry("503");
    if (dice < 0.4) return { kind: "retry", reason: "429", afterMs: random() * waitMsMax };
    if (dice < 0.5) throw new Error("the sink broke");
    if (dice < 0.7 && isAnything) return this.#refuse(texts);
    if (dice < 0.8 && isAnything) {
      const rejected = Math.floor(random() * (texts.length + 1));
      this.#refuse(texts.slice(0, rejected));
      take(texts.slice(rejected));
      return { kind: "delivered", rejected };
    }
    if (dice < 0.9) {
      take(texts);
      return this.#unheard(texts);
    }
    await clock.sleep(attemptMsMax);
    return retry("no answer");
  }

  #refuse(texts: readonly string[]): Verdict {
    for (const text of texts) this.refused.add(numberOf(text));
    return { kind: "refused", reason: "400" };
  }

  #takeLate(texts: readonly string[]): void {
    this.repeatsMax += texts.length;
    for (const text of texts) this.late.add(numberOf(text));
  }

  #unheard(texts: readonly string[]): Verdict {
    this.repeatsMax += texts.length;
    return retry("taken, and nobody heard of it");
  }

  #silentSink(node: SimNode, onBreak: (reason: string) => void): Sink {
    const { clock, random, lines } = this.#parts;
    const sink = new SilentSink({
      clock: node.clock,
      quietMs: () => (this.mood === "slow" ? slowMs : this.traits.quietMs),
      onSend: (parcel) => {
        this.#read(node, parcel);
        if (sink.unsettled > 1) this.counts.followed++;
        if (this.mood === "down") this.#break(connection, 1);
        if (this.mood === "forgetful") this.#break(connection, 0);
        if (this.mood === "erratic" && random() < this.traits.faulty / 2)
          void clock.sleep(random() * 900).then(() => this.#break(connection, random()));
      },
      onArrive: (parcel, isSettled) => {
        this.#take(textsOfParcel(parcel), parcel.parcelId);
        if (!isSettled) this.repeatsMax += parcel.count;
      },
      onBreak: (reason, lost) => {
        this.counts.breaks++;
        this.repeatsMax += lines.length;
        for (const number of lost.flatMap(textsOfParcel).map(numberOf)) {
          if (this.seen.has(number)) continue;
          this.#lost.set(number, node);
          this.counts.gone++;
        }
        onBreak(reason);
      },
    });
    const connection = { node, sink };
    this.#connections.add(connection);
    const close = sink.close.bind(sink);
    sink.close = async () => {
      this.#connections.delete(connection);
      await close();
    };
    return sink;
  }

  // A node that is not well would not hear of it.
  #break({ node, sink }: Connection, lost: number): void {
    if (node.isWell) sink.break(lost);
  }

  #read(node: SimNode, parcel: Parcel): readonly string[] {
    this.#parts.onSend(node, this.drain);
    const texts = textsOfParcel(parcel);
    assert.equal(texts.length, parcel.count, "a parcel counts its lines");
    const before = this.#parcels.get(parcel.parcelId) ?? texts.join("\n");
    assert.equal(texts.join("\n"), before, "a parcel id stands for one parcel");
    this.#parcels.set(parcel.parcelId, before);
    return texts;
  }

  #take(texts: readonly string[], parcelId: string): void {
    for (const text of texts) {
      const number = numberOf(text);
      assert.equal(this.#parts.lines[number], text, "a line that nobody sent");
      this.counts.taken++;
      const before = this.seen.get(number);
      if (before !== undefined) {
        this.counts.repeats++;
        if (before !== parcelId) this.counts.renamed++;
        continue;
      }
      this.first.push(number);
      this.seen.set(number, parcelId);
      this.#lost.delete(number);
    }
  }
}
