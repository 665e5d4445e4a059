/**
 * Streams that take no line. Each append fails for itself, for its sender alone; the operator hears of it here. After a
 * full disk nats-server stops a single stream until it is restarted, while it answers whatever else is asked of it.
 */
import type { BackgroundFailures } from "../../../background-failures.ts";
import { AppError } from "../../../errors/app-error.ts";
import type { Clock } from "../../../ports.ts";

/**
 * A stream counts as failing until it stores something, or nobody has tried for this long: who looks at `/readyz` sends
 * nothing to a node that fails, which would then fail for ever.
 */
const untriedMsMax = 15_000;
const mend = "the log of nats-server says why: after a full disk, make room there and restart nats-server";

type FailingParts = {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly failures: BackgroundFailures;
};

type Failing = { readonly atMs: number; readonly why: string };

export class FailingStreams {
  readonly #parts: FailingParts;
  readonly #failing = new Map<string, Failing>();

  constructor(parts: FailingParts) {
    this.#parts = parts;
  }

  /** An append to that stream failed. */
  failed(stream: string, error: unknown): void {
    const cause = error instanceof AppError ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#failing.set(stream, { atMs: this.#parts.clock.monotonicMs(), why });
    this.#parts.failures.note("append", error, `${stream} on NATS took no lines; ${mend}`);
  }

  /** Something was stored there. */
  stored(stream: string): void {
    if (this.#failing.size > 0) this.#failing.delete(stream);
  }

  /** The connection is new: what failed over the old one says nothing of the streams. */
  reconnected(): void {
    this.#failing.clear();
  }

  /** The failing streams, each with its reason, and what to do. */
  told(): readonly string[] {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [stream, { atMs }] of this.#failing)
      if (nowMs - atMs > untriedMsMax) this.#failing.delete(stream);
    return [...this.#failing].map(([stream, { why }]) => `${stream} takes no lines (${why.trim()}); ${mend}`);
  }
}
