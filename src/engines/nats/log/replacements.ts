/**
 * Notices a log that is replaced while it is followed: servers that came back from a backup, or without what they had
 * not synced. Known places then no longer exist, or have other messages.
 */
import { markOf } from "../../../core/batch/batch.ts";
import type { Clock } from "../../../ports.ts";
import type { LiveChannel, Named } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import type { StoredMessage } from "./stored.ts";

/** The time that a newly elected leader gets to apply what its predecessor stored. */
export const leaderLagMsMax = 2_500;
/** How long an answer about a stream is used for all of its channels. */
const streamMsMax = 1_000;

export class Replacements {
  readonly #reader: Reader;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** Facts about a channel from before something happened to its servers. */
  readonly #suspects = new WeakMap<LiveChannel, Named>();
  /** Channels that are ahead of their stream, and since when. */
  readonly #ahead = new WeakMap<LiveChannel, number>();
  readonly #streams = new Map<string, { readonly last: Promise<number>; readonly askedAtMs: number }>();

  constructor(reader: Reader, clock: Pick<Clock, "monotonicMs">) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /** The servers may have lost messages of this channel: the next look compares them. */
  suspect(live: LiveChannel): void {
    if (live.named !== undefined && !this.#suspects.has(live)) this.#suspects.set(live, live.named);
  }

  /** True when the log is not the one in which `newest` was known before `last` was asked for. */
  async isReplaced(live: LiveChannel, newest: number, last: StoredMessage | undefined): Promise<boolean> {
    if ((last?.sequence ?? 0) < newest) {
      // The message was trimmed, unless the whole stream is shorter than what was seen of it.
      if ((await this.#lastOfStream(live)) >= newest) return this.#isSuspectReplaced(live, last);
      const since = this.#ahead.get(live) ?? this.#clock.monotonicMs();
      this.#ahead.set(live, since);
      return !this.#reader.replicated || this.#clock.monotonicMs() - since >= leaderLagMsMax;
    }
    this.#ahead.delete(live);
    return this.#isSuspectReplaced(live, last);
  }

  async #isSuspectReplaced(live: LiveChannel, last: StoredMessage | undefined): Promise<boolean> {
    const known = this.#suspects.get(live);
    if (known === undefined) return false;
    const isLast = last?.sequence === known.sequence;
    const found = isLast ? last : await this.#reader.at(live.id, known.sequence);
    this.#suspects.delete(live);
    return found !== undefined && markOf(found.batch) !== known.mark;
  }

  #lastOfStream(live: LiveChannel): Promise<number> {
    const { stream } = this.#reader.place(live.id);
    const known = this.#streams.get(stream);
    const nowMs = this.#clock.monotonicMs();
    if (known !== undefined && nowMs - known.askedAtMs < streamMsMax) return known.last;
    const last = this.#reader.lastOfStream(live.id);
    this.#streams.set(stream, { last, askedAtMs: nowMs });
    return last;
  }
}
