/**
 * Runs users' patterns for one drain: which lines its filter keeps, what its redaction removes, and the waits for both.
 * When it has to wait for its app's budget, its owner is told and the connection is returned.
 */
import type { LineFilter } from "../core/filter/line-filter.ts";
import type { Patterns } from "../patterns/patterns.ts";
import type { Payer } from "../patterns/selector.ts";
import type { Clock, Parcel } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { ticking } from "../ticking.ts";
import { DrainFilter } from "./drain-filter.ts";
import { type RedactParcel, redactionOf } from "./redaction.ts";

type DrainPatternsParts = {
  readonly patterns: Pick<Patterns, "selector" | "redactions">;
  readonly clock: Clock;
  /** Called when the wait is for the app's budget. */
  readonly onHeld: (reason: string) => void;
  /** Returns the signal that ends all waits. */
  readonly signal: () => AbortSignal;
};

/** The owner is told of a wait for the budget after this time, and at most this often. */
const tellMs = 5_000;
const tellAgainMs = 60_000;

const reason =
  "the filters and redactions of this app's drains need more time than an app has for them: lines are late, none is lost; use simpler patterns";

export class DrainPatterns {
  readonly filter: DrainFilter | undefined;
  readonly #parts: DrainPatternsParts;
  readonly #payer: Payer;
  readonly #redact: RedactParcel | undefined;
  #noticedMs = Number.NEGATIVE_INFINITY;

  constructor(drain: DrainRecord, filter: LineFilter | undefined, parts: DrainPatternsParts) {
    const { selector, redactions } = parts.patterns;
    this.#parts = parts;
    this.#payer = { channel: drain.channel, as: "drain" };
    this.filter = filter && new DrainFilter(filter, selector, this.#payer, parts.signal);
    this.#redact = redactionOf(drain, redactions);
  }

  /**
   * The parcel as it will be sent: at once if unchanged, or as a promise, which resolves to undefined when waits are
   * ended.
   */
  redacted(parcel: Parcel): Parcel | Promise<Parcel | undefined> {
    return this.#redact === undefined ? parcel : this.wait(this.#redact(parcel, this.#parts.signal()));
  }

  /** Waits for the result of patterns. */
  async wait<Value>(promise: Promise<Value>): Promise<Value> {
    const { clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const waiting = ticking(promise, clock, () => this.#tick(startMs));
    for (;;) {
      const next = await waiting.next();
      if (next.done) return next.value;
    }
  }

  #tick(startMs: number): void {
    const { clock, onHeld, patterns } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs - startMs < tellMs || nowMs - this.#noticedMs < tellAgainMs) return;
    if (!patterns.selector.isSpent(this.#payer)) return;
    this.#noticedMs = nowMs;
    onHeld(reason);
  }
}
