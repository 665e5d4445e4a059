/**
 * Holds live messages of one channel for followers that are about to take them. A follower that is further behind
 * reads the stream.
 */
import type { Msg } from "nats";
import { type Batch, markOf } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import type { Clock } from "../../../ports.ts";
import { oneByOne } from "../../../turns.ts";
import { decodeMessage, type Head, ownMessage, type StoredMessage, storedMessage } from "./stored.ts";

/** A live message. `before` is the sequence of the channel's previous message, according to the server. */
type Arrival = { readonly before: number; readonly bytes: number; readonly message: StoredMessage };

/** A follower; it waits in at most one place at a time. */
export type Waiter = {
  /** `when`: the turn in which it continues; absent: at once. */
  wake: (when?: Promise<void>) => void;
};

/** The batch that this process is storing, for each channel. */
export type UnderWay = ReadonlyMap<ChannelId, Batch>;

/** A message, identified by its place and its batch's mark. */
export type Named = { readonly sequence: number; readonly mark: string };

const arrivalsMax = 128;
const arrivalBytesMax = 2 * 1024 * 1024;
/** Bound for all channels together. */
const heldBytesMax = 64 * 1024 * 1024;
/** Memory of an arrival besides its payload. */
const arrivalOverheadBytes = 512;

export class LiveChannel {
  readonly id: ChannelId;
  readonly #incarnation: string;
  followers = 0;
  /** The newest sequence that is known, from a message or from asking. */
  newest = 0;
  /** True when the channel was destroyed, or the log was closed. */
  ended = false;
  /** When the stream was last known to end at `newest`. */
  checkedAtMs: number;
  /** The channel's last message when its first follower came. */
  readonly start: Promise<StoredMessage | undefined>;
  isStarting = true;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #held: { bytes: number };
  readonly #underWay: UnderWay;
  readonly #whenEnded: () => void;
  /** The newest live message, in a form that tells it from another one at its place. */
  #named: Named | undefined;
  #arrivals: Arrival[] = [];
  #bytes = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(
    { id, incarnation }: { readonly id: ChannelId; readonly incarnation: string },
    clock: Pick<Clock, "monotonicMs">,
    { held, underWay }: { readonly held: { bytes: number }; readonly underWay: UnderWay },
    start: Promise<StoredMessage | undefined>,
    whenEnded: () => void,
  ) {
    this.id = id;
    this.#incarnation = incarnation;
    this.#clock = clock;
    this.checkedAtMs = clock.monotonicMs();
    this.#held = held;
    this.#underWay = underWay;
    this.#whenEnded = whenEnded;
    this.start = start.finally(() => {
      this.isStarting = false;
    });
    this.start.then(
      (last) => this.note(last?.sequence ?? 0),
      () => {}, // followers ask again and get the error
    );
  }

  /**
   * The message after `sequence` if it is held here; `unread` if the stream must be read; undefined if none is known.
   */
  next(sequence: number): StoredMessage | "unread" | undefined {
    if (sequence >= this.newest) return undefined;
    const found = this.#arrivals.find(({ message }) => message.sequence > sequence);
    return found !== undefined && found.before <= sequence ? found.message : "unread";
  }

  /** The newest live message. */
  get named(): Named | undefined {
    return this.#named;
  }

  /** Resolves when something has arrived or ended, or the follower calls `wake`. */
  changed(waiter: Waiter): Promise<void> {
    return new Promise((resolve) => {
      waiter.wake = (when) => {
        this.#waiting.delete(waiter);
        resolve(when);
      };
      this.#waiting.add(waiter);
      // A waiting follower has everything; when all are waiting, nobody needs what is held.
      if (this.#waiting.size === this.followers) this.clear();
    });
  }

  /** A message of the channel's live subject. */
  take({ headers, data }: Msg): void {
    const sequence = Number(headers?.get("Nats-Sequence"));
    const before = Number(headers?.get("Nats-Last-Sequence"));
    if (!(sequence > this.newest && before < sequence)) return; // seen before, or not from the stream
    const own = this.#underWay.get(this.id);
    this.#arrived(before, data.length, sequence, () => {
      const known = own && ownMessage(data, sequence, this.#incarnation, own);
      return known ?? decodeMessage(data, sequence, this.#incarnation);
    });
  }

  /** This process stored `batch` at `sequence`, directly after `head`. */
  takeOwn(head: Head, batch: Batch, sequence: number): void {
    if (sequence <= this.newest) return; // it has already come back from the server
    this.#arrived(head.sequence, batch.bytes.length, sequence, () =>
      storedMessage(head, batch, sequence, this.#incarnation),
    );
  }

  /** The channel's last message in the stream is at `sequence`. */
  note(sequence: number): void {
    this.checkedAtMs = this.#clock.monotonicMs();
    if (sequence <= this.newest) return;
    this.newest = sequence;
    this.#wake();
  }

  /** The channel was destroyed, or the log was closed. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#whenEnded();
    this.#wake();
  }

  /** Drops the held messages. */
  clear(): void {
    this.#arrivals = [];
    this.#held.bytes -= this.#bytes;
    this.#bytes = 0;
  }

  #arrived(before: number, bytes: number, sequence: number, message: () => StoredMessage): void {
    this.newest = sequence;
    this.checkedAtMs = this.#clock.monotonicMs();
    if (this.#held.bytes > heldBytesMax) this.clear();
    else {
      const arrival = { before, bytes: bytes + arrivalOverheadBytes, message: message() };
      this.#named = { sequence, mark: markOf(arrival.message.batch) };
      this.#hold(arrival);
    }
    this.#wake();
  }

  #hold(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    let dropped = 0;
    this.#bytes += arrival.bytes;
    while (
      this.#arrivals.length > 1 &&
      (this.#arrivals.length > arrivalsMax || this.#bytes - dropped > arrivalBytesMax)
    ) {
      dropped += this.#arrivals.shift()!.bytes;
    }
    this.#bytes -= dropped;
    this.#held.bytes += arrival.bytes - dropped;
  }

  #wake(): void {
    const turn = oneByOne(this.id);
    for (const { wake } of [...this.#waiting]) wake(turn());
  }
}
