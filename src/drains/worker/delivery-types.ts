/**
 * The states of a drain's delivery, the events that change them, and the effects that a change asks for. All are data.
 */
import type { RetryPolicy } from "../../core/scheduling/retry.ts";
import type { ChannelEnd, Verdict } from "../../ports.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";
import type { Queue } from "../connections/slots.ts";
import type { BatchLimits, ReceiverLimits, Sizing } from "./batcher.ts";
import type { CutRange, ParcelLimits } from "./parcel.ts";
import type { AskedReplay, DeliveryRange, LinePlace, RangeChoice } from "./ranges.ts";
import type { Recent } from "./unconfirmed.ts";

/** Bounds of what is decided here. */
export type DeliveryLimits = BatchLimits & {
  /** Stored bytes held in memory for a drain, the parcel under way included; batches are whole. */
  readonly readAheadBytesMax: number;
  /**
   * Lines sent while others before them are not settled, over a protocol without answers. At the bound the next
   * lines wait for the oldest ones to be settled. A break repeats no more than this and what `unconfirmed.ts` keeps.
   */
  readonly unsettledLinesMax: number;
  readonly unsettledBytesMax: number;
  readonly unsettledParcelsMax: number;
  /** Tries of a line that is refused alone, the first included. */
  readonly refusalsMax: number;
  readonly retry: RetryPolicy;
};

/** Facts that stay the same for the life of a worker. */
export type DeliveryRules = {
  readonly startLine: number;
  readonly createdAtMs: number;
  readonly limits: DeliveryLimits;
  readonly receiver: ReceiverLimits;
};

/** All that a drain knows in every state. */
export type Memory = {
  /** Cursor, counts and what is owed, as they are written to the Store. */
  readonly checkpoint: DrainCheckpoint;
  readonly asked: AskedReplay | undefined;
  /** It has a slot: a connection is open, or may be opened. */
  readonly hasSlot: boolean;
  /** Failed attempts in a row. */
  readonly failures: number;
  /** The last attempt delivered. */
  readonly isProven: boolean;
  /** Connections in a row that broke soon after a delivery, and when the last one did. */
  readonly breaks: { readonly count: number; readonly monotonicMs: number };
  readonly sizing: Sizing;
  /** Deliveries that a break brings back. */
  readonly recent: Recent;
  /** Lines skipped in a row, each refused alone. */
  readonly skippedInRow: number;
  /** When the last settled line was accepted: the best "since" of lines that are gone. */
  readonly settledAtMs: number | undefined;
  /** Parcels so far: each has its number. */
  readonly parcels: number;
};

/** A parcel that is not settled. */
export type Flight = {
  readonly number: number;
  readonly line: number;
  /**
   * `preparing`: its lines are looked at, cut and redacted; `going`: the sink has it; `sent`: all of it is on its way,
   * and the next one may follow.
   */
  readonly stage: "preparing" | "going" | "sent";
  /** Known when it is prepared. */
  readonly cut: CutRange | undefined;
  /** Its destination fails: it goes out alone, from memory of its own, and nothing is read ahead meanwhile. */
  readonly isAlone: boolean;
  /** The filter kept none of its lines: it is settled as soon as those before it are. */
  readonly isFiltered?: boolean;
};

/** Parcels that are under way, oldest first. */
type UnderWay = {
  readonly memory: Memory;
  readonly range: DeliveryRange;
  readonly inFlight: readonly Flight[];
  /** The connection broke, in words: when the oldest parcel is settled nothing more is sent. */
  readonly broke: string | undefined;
};

/** The parcel that `range` begins with. */
type Prepared = { readonly range: DeliveryRange; readonly flight: Flight };

/** `delivery-state.ts` tells what each is. */
export type DeliveryState =
  | { readonly kind: "looking"; readonly memory: Memory; readonly choice: RangeChoice }
  | { readonly kind: "idle"; readonly memory: Memory; readonly range: DeliveryRange }
  | ({ readonly kind: "preparing"; readonly memory: Memory } & Prepared)
  /** `ready`: what goes out then. Undefined: nothing is read before it has the slot. */
  | { readonly kind: "awaiting slot"; readonly memory: Memory; readonly ready: Prepared | undefined }
  | ({ readonly kind: "delivering" } & UnderWay)
  | { readonly kind: "backing off"; readonly memory: Memory; readonly untilMonotonicMs: number }
  | ({ readonly kind: "stopping" } & UnderWay)
  | { readonly kind: "stopped"; readonly memory: Memory };

export type StateOf<Kind extends DeliveryState["kind"]> = Extract<DeliveryState, { readonly kind: Kind }>;

type EventBody =
  /** The log was asked about the range: its end, whether any batch is left, and where a replay begins, if it does. */
  | {
      readonly kind: "looked";
      readonly end: ChannelEnd;
      readonly isEmpty: boolean;
      readonly start?: LinePlace | undefined;
    }
  /** Lines are at hand, behind what was sent. */
  | { readonly kind: "lines" }
  /** Retention took what was due; the first line that is left is at `place`. */
  | { readonly kind: "lines lost"; readonly place: LinePlace }
  /** The cursor is not of the log that is there now, of which the oldest line is at `place`. */
  | { readonly kind: "log replaced"; readonly place: LinePlace }
  /** The log ended the reading by itself: its channel is being destroyed, or it is closed. */
  | { readonly kind: "reading ended" }
  | { readonly kind: "reading failed" }
  | { readonly kind: "slot granted" }
  /** Others wait for the slot, or it was idle for long. */
  | { readonly kind: "slot wanted" }
  /** `filtered`: the filter keeps none of its lines, so there is no parcel; `uncut`: it has to be cut anew. */
  | {
      readonly kind: "prepared";
      readonly number: number;
      readonly cut: CutRange;
      readonly outcome: "ready" | "filtered" | "uncut";
    }
  /** The app's patterns take more time than they have: a parcel is long in preparing. */
  | { readonly kind: "held up"; readonly reason: string }
  /** All of a parcel is on its way, and the next one may follow. */
  | { readonly kind: "sent"; readonly number: number }
  /**
   * A parcel is settled, or it failed. `isNotices`: it held nothing but notices. `through`: all up to the parcel of that
   * number are delivered.
   */
  | {
      readonly kind: "verdict";
      readonly number: number;
      readonly verdict: Verdict;
      readonly isNotices?: boolean;
    }
  /** The connection broke so soon that what was delivered lately may not have arrived. */
  | { readonly kind: "connection broke"; readonly reason: string }
  | { readonly kind: "time passed" }
  | { readonly kind: "replay asked"; readonly asked: AskedReplay }
  /** Nothing new is begun; what is under way may end. */
  | { readonly kind: "stop" }
  /** Parcels under way are given up. */
  | { readonly kind: "abort" };

/**
 * With the time of day, the time that waits are measured by, and a chance in [0, 1): transitions ask nobody for these.
 */
export type DeliveryEvent = EventBody & {
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly random: number;
};
type EventKind = DeliveryEvent["kind"];
export type EventOf<Kind extends EventKind> = Extract<DeliveryEvent, { readonly kind: Kind }>;
export type NewEvent = EventBody;

export type Notice =
  | { readonly kind: "lost"; readonly lines: number; readonly sinceMs: number }
  | { readonly kind: "refused"; readonly lines: number; readonly sinceMs: number; readonly reason: string }
  | { readonly kind: "certificate" | "expiring"; readonly reason: string };

/** How soon a checkpoint is written: at once, nearly; as often as many busy drains allow; late, as only readers miss it. */
export type Within = "moment" | "pace" | "second";

export type Effect =
  /** Asks the log what it has of the range; ends in `looked` or `reading failed`. Ends a reading that is open. */
  | { readonly kind: "look"; readonly choice: RangeChoice }
  /** Reads ahead; ends in `lines`, `lines lost`, `reading ended` or `reading failed`, as often as it is asked. */
  | {
      readonly kind: "read";
      readonly from: LinePlace;
      readonly bytesMax: number;
      /** All up to this line is wanted at once: a parcel is to be cut again as it was. */
      readonly throughLine: number;
    }
  /** The reading that is open may hold more from now on. */
  | { readonly kind: "widen"; readonly bytesMax: number }
  /** Ends the reading. */
  | { readonly kind: "let go" }
  | { readonly kind: "take slot"; readonly queue: Queue }
  /** The connection is closed and the slot given back, or not waited for any longer. */
  | { readonly kind: "release" }
  /** The slot stays, and may be asked for. */
  | { readonly kind: "rest" }
  /** The slot stays, its connection does not: the next parcel goes over a fresh one. */
  | { readonly kind: "renew" }
  /** Makes a parcel of lines at hand; ends in `prepared`. */
  | {
      readonly kind: "prepare";
      readonly number: number;
      readonly line: number;
      readonly range: DeliveryRange;
      readonly bounds: ParcelLimits & { readonly isHeld: boolean };
      readonly isAlone: boolean;
    }
  /** Sends the parcel that was prepared; ends in `verdict`, and perhaps in `sent` before that. */
  | { readonly kind: "send"; readonly number: number }
  /** Deliveries under way are aborted. */
  | { readonly kind: "abandon" }
  /** The parcel of live lines is sent again as it was, whoever runs the drain then. */
  | { readonly kind: "hold"; readonly endLine: number }
  /** The end that was held is void: the parcel is sent in parts, or is of a log that is gone. */
  | { readonly kind: "unhold" }
  /** The checkpoint is written: soon, or within a second when only its readers miss it. */
  | { readonly kind: "record"; readonly within: Within }
  | { readonly kind: "notify"; readonly notice: Notice }
  | { readonly kind: "sleep"; readonly ms: number }
  /** The worker is over when its connection is closed and its checkpoint written. */
  | { readonly kind: "end" };

export type Step = { readonly state: DeliveryState; readonly effects: readonly Effect[] };
