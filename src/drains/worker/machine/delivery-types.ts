/**
 * The states of a drain's delivery, the events that change them, and the effects that a change causes. All are data.
 */
import type { RetryPolicy } from "../../../core/scheduling/retry.ts";
import type { ChannelEnd, Verdict } from "../../../ports.ts";
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { Queue } from "../../connections/slots.ts";
import type { CutRange, ParcelLimits } from "../parcel.ts";
import type { BatchLimits, ReceiverLimits, Sizing } from "./batcher.ts";
import type { AskedReplay, DeliveryRange, LinePlace, RangeChoice } from "./ranges.ts";
import type { Recent } from "./unconfirmed.ts";

/** Bounds for these decisions. */
export type DeliveryLimits = BatchLimits & {
  /** Stored bytes that are held in memory for a drain, including the parcel under way; batches stay whole. */
  readonly readAheadBytesMax: number;
  /**
   * Lines that may be sent before earlier ones are settled, over a protocol without answers. At this bound, further
   * lines wait until the oldest are settled. A break repeats at most these lines and what `unconfirmed.ts` keeps.
   */
  readonly unsettledLinesMax: number;
  readonly unsettledBytesMax: number;
  readonly unsettledParcelsMax: number;
  /** Tries of a line that is refused alone, including the first. */
  readonly refusalsMax: number;
  readonly retry: RetryPolicy;
};

/** Facts that do not change in the life of a worker. */
export type DeliveryRules = {
  readonly startLine: number;
  readonly createdAtMs: number;
  readonly limits: DeliveryLimits;
  readonly receiver: ReceiverLimits;
};

/** Everything that a drain knows in every state. */
export type Memory = {
  /** Cursor, counts and what is owed, as written to the Store. */
  readonly checkpoint: DrainCheckpoint;
  readonly asked: AskedReplay | undefined;
  /** True while it has a slot: a connection is open, or may be opened. */
  readonly hasSlot: boolean;
  /** Failed attempts in a row. */
  readonly failures: number;
  /** False from a failure, or a line that was refused, until it delivers again. */
  readonly isTrusted: boolean;
  /** Connections in a row that broke soon after a delivery, and when the last one did. */
  readonly breaks: { readonly count: number; readonly monotonicMs: number };
  readonly sizing: Sizing;
  /** Deliveries that a break would bring back. */
  readonly recent: Recent;
  /** Lines skipped in a row, each refused alone. */
  readonly skippedInRow: number;
  /** When the last settled line was accepted: the best "since" of lines that are gone. */
  readonly settledAtMs: number | undefined;
  /** Parcels so far, which gives each its number. */
  readonly parcels: number;
};

/** A parcel that is not settled. */
export type Flight = {
  readonly number: number;
  readonly line: number;
  /**
   * `preparing`: its lines are filtered, cut and redacted; `going`: the sink has it; `sent`: all of it is on its way,
   * and the next one may follow.
   */
  readonly stage: "preparing" | "going" | "sent";
  /** Known when it is prepared. */
  readonly cut: CutRange | undefined;
  /**
   * The destination is failing: the parcel goes out alone, from memory of its own, and nothing is read ahead
   * meanwhile.
   */
  readonly isAlone: boolean;
  /** The filter kept none of its lines: it is settled as soon as those before it are. */
  readonly isFiltered?: boolean;
};

/** Parcels that are under way, oldest first. */
type UnderWay = {
  readonly memory: Memory;
  readonly range: DeliveryRange;
  readonly inFlight: readonly Flight[];
  /** The reason why the connection broke: when the oldest parcel is settled, nothing more is sent. */
  readonly broke: string | undefined;
};

/** The first parcel of `range`. */
type Prepared = { readonly range: DeliveryRange; readonly flight: Flight };

/** Each is explained in `delivery-state.ts`. */
export type DeliveryState =
  | { readonly kind: "looking"; readonly memory: Memory; readonly choice: RangeChoice }
  | { readonly kind: "idle"; readonly memory: Memory; readonly range: DeliveryRange }
  | ({ readonly kind: "preparing"; readonly memory: Memory } & Prepared)
  /** `ready`: the parcel that goes out then. Undefined: nothing is read before it has the slot. */
  | { readonly kind: "awaiting slot"; readonly memory: Memory; readonly ready: Prepared | undefined }
  | ({ readonly kind: "delivering" } & UnderWay)
  | { readonly kind: "backing off"; readonly memory: Memory; readonly untilMonotonicMs: number }
  | ({ readonly kind: "stopping" } & UnderWay)
  | { readonly kind: "stopped"; readonly memory: Memory };

export type StateOf<Kind extends DeliveryState["kind"]> = Extract<DeliveryState, { readonly kind: Kind }>;

type EventBody =
  /**
   * The log was asked about the range: its end, whether any batch is left, and where a replay begins, if there is
   * one.
   */
  | {
      readonly kind: "looked";
      readonly end: ChannelEnd;
      readonly isEmpty: boolean;
      readonly start?: LinePlace | undefined;
    }
  /** There are lines after what was sent. */
  | { readonly kind: "lines" }
  /** The due lines were trimmed; the first line that is left is at `place`. */
  | { readonly kind: "lines lost"; readonly place: LinePlace }
  /** The cursor does not belong to the present log, whose oldest line is at `place`. */
  | { readonly kind: "log replaced"; readonly place: LinePlace }
  /** The log itself ended the reading: the channel is being destroyed, or the log is closed. */
  | { readonly kind: "reading ended" }
  | { readonly kind: "reading failed" }
  | { readonly kind: "slot granted" }
  /** Others wait for the slot, or it has been idle for long. */
  | { readonly kind: "slot wanted" }
  /** `filtered`: the filter kept none of its lines, so there is no parcel; `uncut`: it must be cut anew. */
  | {
      readonly kind: "prepared";
      readonly number: number;
      readonly cut: CutRange;
      readonly outcome: "ready" | "filtered" | "uncut";
    }
  /** All drains together hold more than they may, and this one has not got on with its lines for `ms`. */
  | { readonly kind: "memory wanted"; readonly ms: number }
  /** The app's patterns have used up their time, so preparing a parcel takes long. */
  | { readonly kind: "held up"; readonly reason: string }
  /** All of a parcel is on its way, and the next one may follow. */
  | { readonly kind: "sent"; readonly number: number }
  /** A parcel was settled, or failed. `isNotices`: it contained only notices. */
  | {
      readonly kind: "verdict";
      readonly number: number;
      readonly verdict: Verdict;
      readonly isNotices?: boolean;
    }
  /** The connection broke so soon that recent deliveries may not have arrived. */
  | { readonly kind: "connection broke"; readonly reason: string }
  | { readonly kind: "time passed" }
  | { readonly kind: "replay asked"; readonly asked: AskedReplay }
  /** Nothing new is begun; what is under way may finish. */
  | { readonly kind: "stop" }
  /** Parcels under way are given up. */
  | { readonly kind: "abort" };

/**
 * With the time of day, the monotonic time, and a random number in [0, 1), so that transitions need no clock and no
 * chance of their own.
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

/**
 * How soon a checkpoint is written: almost at once; at the pace of all busy drains; or late, if only readers would
 * miss it.
 */
export type Within = "moment" | "pace" | "second";

export type Effect =
  /** Asks the log what it has of the range; ends in `looked` or `reading failed`. Ends an open reading. */
  | { readonly kind: "look"; readonly choice: RangeChoice }
  /** Reads ahead; ends in `lines`, `lines lost`, `reading ended` or `reading failed`, as often as it is requested. */
  | {
      readonly kind: "read";
      readonly from: LinePlace;
      readonly bytesMax: number;
      /** Everything up to this line is wanted at once: a parcel must be cut again as it was. */
      readonly throughLine: number;
    }
  /** The open reading may hold more from now on. */
  | { readonly kind: "widen"; readonly bytesMax: number }
  /** Ends the reading. */
  | { readonly kind: "let go" }
  | { readonly kind: "take slot"; readonly queue: Queue }
  /** Closes the connection and returns the slot, or stops waiting for one. */
  | { readonly kind: "release" }
  /** The slot is kept, and may be asked for. */
  | { readonly kind: "rest" }
  /** The slot is kept, but the next parcel goes over a fresh connection. */
  | { readonly kind: "renew" }
  /** Makes a parcel of the lines that were read; ends in `prepared`. */
  | {
      readonly kind: "prepare";
      readonly number: number;
      readonly line: number;
      readonly range: DeliveryRange;
      readonly bounds: ParcelLimits & { readonly isHeld: boolean };
      readonly isAlone: boolean;
    }
  /** Sends the prepared parcel; ends in `verdict`, and perhaps in `sent` before that. */
  | { readonly kind: "send"; readonly number: number }
  /** Gives up what is under way, which its receiver has not taken for `ms`; ends in `verdict`. */
  | { readonly kind: "give up"; readonly ms: number }
  /** Aborts deliveries under way. */
  | { readonly kind: "abandon" }
  /** The parcel of live lines must be sent again unchanged, whoever runs the drain then. */
  | { readonly kind: "hold"; readonly endLine: number }
  /** The held end is void: the parcel is sent in parts, or belongs to a log that is gone. */
  | { readonly kind: "unhold" }
  /** Writes the checkpoint. */
  | { readonly kind: "record"; readonly within: Within }
  | { readonly kind: "notify"; readonly notice: Notice }
  | { readonly kind: "sleep"; readonly ms: number }
  /** Ends the worker once its connection is closed and its checkpoint is written. */
  | { readonly kind: "end" };

export type Step = { readonly state: DeliveryState; readonly effects: readonly Effect[] };
