/** One connection of a syslog drain: what the end of a write over it says of the parcel, and of those before. */
import type { Clock } from "../../ports.ts";
import type { SyslogDestination } from "../destination.ts";
import { nameOf } from "./endpoint.ts";
import { explainFailure } from "./explain.ts";
import type { End, SyslogConnection } from "./syslog-connection.ts";
import { isTalk } from "./talk.ts";

type WayParts = {
  readonly destination: SyslogDestination;
  readonly clock: Clock;
  readonly onBreak: (reason: string) => void;
};

/** A connection that breaks so long after its last write says nothing of that. */
const breakMsMax = 30_000;

export class Way {
  readonly connection: SyslogConnection;
  /** Something was written over it. */
  isUsed = false;
  readonly #parts: WayParts;
  /** The time at which something that went over it was settled last. */
  #settledAtMs = Number.NEGATIVE_INFINITY;

  constructor(connection: SyslogConnection, parts: WayParts) {
    this.connection = connection;
    this.#parts = parts;
    connection.onBreak = (failure) => this.#broke(failure);
  }

  /**
   * True when a write that did not fail was taken. A peer that ends a fresh connection, and does not reset it, has read what
   * came; one that stood before (`isReused`) may be ended for its age.
   */
  isTaken(end: End, isReused: boolean): boolean {
    if (end === "ended" && isReused) return false;
    this.#settledAtMs = this.#parts.clock.monotonicMs();
    return true;
  }

  /** True when a write may have failed for the connection's age alone, and a fresh one may do. */
  hasGrownOld(failure: unknown, isReused: boolean): boolean {
    if (!isReused) return false;
    // Parcels that were flushed before this one may have been on their way still; then those go first.
    return !this.#broke(failure) && isReset(failure);
  }

  // True when what was settled last may not have arrived.
  #broke(failure: unknown): boolean {
    const { clock, onBreak, destination } = this.#parts;
    const isSoon = clock.monotonicMs() - this.#settledAtMs <= breakMsMax;
    this.#settledAtMs = Number.NEGATIVE_INFINITY;
    if (isSoon) onBreak(brokenSoon(failure, destination));
    return isSoon;
  }
}

const isReset = (failure: unknown): boolean =>
  ["ECONNRESET", "EPIPE"].includes((failure as NodeJS.ErrnoException).code ?? "");

const brokenSoon = (failure: unknown, destination: SyslogDestination): string =>
  isTalk(failure)
    ? `${explainFailure(failure, destination)}; lines that were just sent are sent again`
    : `${nameOf(destination)} broke the connection soon after lines were sent, so these are sent again: does it restart, or not take octet-counted frames (RFC 6587)?`;
