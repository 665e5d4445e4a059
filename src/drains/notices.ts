/**
 * Tells a drain's owner in the app's own log, with L10, L13 and L14 lines. At most one of a kind per drain in
 * `everyMs`, with the count since the last one, so that a drain that gets its own notices cannot feed itself.
 */
import type { Logger } from "pino";
import type { CanonicalLines } from "../core/batch/batch.ts";
import { l10, l13, l14, l14Expiry } from "../core/batch/notice.ts";
import type { ChannelId } from "../core/ids.ts";
import type { Clock } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { redactUrl } from "./destination.ts";

type NoticesOptions = {
  /** The way that all lines take: `AppendQueues.append`. */
  readonly append: (channel: ChannelId, lines: CanonicalLines) => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  readonly everyMs: number;
};

const kinds = ["lost", "refused", "certificate", "expiring"] as const;
type Kind = (typeof kinds)[number];

/** News since the last notice of its kind. Exists for a minute after each notice, or longer while there is news. */
type Pending = {
  readonly kind: Kind;
  drain: DrainRecord;
  lines: number;
  sinceMs: number;
  /** That of the newest; `isMixed`: some had another. */
  reason: string;
  isMixed: boolean;
};

/** Tells owners. Nothing here rejects: a notice that cannot be stored is retried with the next. */
export class DrainNotices {
  readonly #options: NoticesOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #closing = new AbortController();
  readonly #under = new Set<Promise<void>>();

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Retention took lines before the drain could send them (L10). */
  lost(drain: DrainRecord, lines: number, sinceMs: number): void {
    this.#tell("lost", drain, lines, sinceMs, "");
  }

  /** The destination refused lines for good (L13). */
  refused(drain: DrainRecord, lines: number, sinceMs: number, reason: string): void {
    this.#tell("refused", drain, lines, sinceMs, reason);
  }

  /** The destination's certificate is not valid (L14). */
  certificate(drain: DrainRecord, reason: string): void {
    this.#tell("certificate", drain, 1, this.#options.clock.nowMs(), reason);
  }

  /** The destination's certificate expires soon (L14). */
  expiring(drain: DrainRecord, reason: string): void {
    this.#tell("expiring", drain, 1, this.#options.clock.nowMs(), reason);
  }

  /** The drain is gone: its untold news is dropped, since its app may be gone too. */
  forget(id: string): void {
    for (const kind of kinds) {
      const pending = this.#pending.get(`${kind} ${id}`);
      if (pending !== undefined) pending.lines = 0;
    }
  }

  /** Idempotent. Tells what has not been told yet, so that no count is lost. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#under);
  }

  #tell(kind: Kind, drain: DrainRecord, lines: number, sinceMs: number, reason: string): void {
    const key = `${kind} ${drain.id}`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      const isFirst = pending.lines === 0;
      if (isFirst) pending.sinceMs = sinceMs;
      const isMixed = !isFirst && (pending.isMixed || pending.reason !== reason);
      Object.assign(pending, { drain, lines: pending.lines + lines, reason, isMixed });
      return;
    }
    const fresh: Pending = { kind, drain, lines, sinceMs, reason, isMixed: false };
    this.#pending.set(key, fresh);
    const telling = this.#keepTelling(key, fresh).finally(() => this.#under.delete(telling));
    this.#under.add(telling);
  }

  async #keepTelling(key: string, pending: Pending): Promise<void> {
    const { clock, everyMs } = this.#options;
    while (pending.lines > 0) {
      await this.#append(pending);
      if (!this.#closing.signal.aborted) await clock.sleep(everyMs, this.#closing.signal);
      else if (pending.lines > 0) break; // it could not be stored, and there is no later chance
    }
    this.#pending.delete(key);
  }

  async #append(pending: Pending): Promise<void> {
    const { append, clock, logger } = this.#options;
    const { drain, lines } = pending;
    pending.lines = 0;
    try {
      await append(drain.channel, noticeOf(pending, lines, clock.nowMs()));
    } catch (err) {
      pending.lines += lines;
      logger.warn({ err, drain: drain.id }, "a notice could not be stored");
    }
  }
}

function noticeOf(
  { kind, drain, sinceMs, reason, isMixed }: Pending,
  lines: number,
  nowMs: number,
): CanonicalLines {
  if (kind === "lost") return l10(drain.token, lines, sinceMs, nowMs);
  if (kind === "refused") return l13(drain.token, lines, sinceMs, { reason, isMixed }, nowMs);
  const write = kind === "certificate" ? l14 : l14Expiry;
  return write(drain.token, reason, redactUrl(drain.url ?? ""), nowMs);
}
