/** One connection of a syslog drain: what the end of a write over it means for that parcel and earlier ones. */
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

/** A connection that breaks this long after its last write says nothing about it. */
const breakMsMax = 30_000;

export class Way {
  readonly connection: SyslogConnection;
  /** True once something was written over it. */
  isUsed = false;
  readonly #parts: WayParts;
  /** When something that was sent over it was last settled. */
  #settledAtMs = Number.NEGATIVE_INFINITY;

  constructor(connection: SyslogConnection, parts: WayParts) {
    this.connection = connection;
    this.#parts = parts;
    connection.onBreak = (failure) => this.#broke(failure);
  }

  /**
   * True when a write that did not fail was accepted. A peer that ends a fresh connection, and does not reset it, has
   * read everything; one that was open before (`isReused`) may have ended because of its age.
   */
  isTaken(end: End, isReused: boolean): boolean {
    if (end === "ended" && isReused) return false;
    this.#settledAtMs = this.#parts.clock.monotonicMs();
    return true;
  }

  /** True when a write may have failed only because the connection was old, so that a fresh one may work. */
  hasGrownOld(failure: unknown, isReused: boolean): boolean {
    if (!isReused) return false;
    // Parcels that were flushed before this one may still have been on their way; then those go first.
    return !this.#broke(failure) && isReset(failure);
  }

  // True when what was last settled may not have arrived.
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
