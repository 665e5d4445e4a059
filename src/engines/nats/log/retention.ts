/**
 * The limits of one channel: what the stream's own limits, by age and by the bytes of a shard, know nothing of. The
 * writers of a channel look at them when it has grown, and purge what is over.
 */
import { LRUCache } from "lru-cache";
import type { BackgroundFailures } from "../../../background-failures.ts";
import type { ChannelId } from "../../../core/ids.ts";
import type { Retention as Limits } from "../../engine.ts";
import type { StreamApi } from "../wire/stream-api.ts";
import { firstWhere } from "./history.ts";
import type { Reader } from "./reader.ts";
import { type Head, headAt, type StoredMessage } from "./stored.ts";

type RetentionOptions = {
  readonly reader: Reader;
  readonly api: StreamApi;
  readonly limits: Limits;
  readonly failures: BackgroundFailures;
};

/** A channel may be over its limits by this share of them. */
const slack = 1 / 16;
const channelsMax = 100_000;
/** Channels looked at, at the same time; the others wait, each once. */
const looksMax = 8;

/** When a channel is looked at again. */
type Due = { readonly line: number; readonly bytes: number };

export class Retention {
  readonly #options: RetentionOptions;
  readonly #due = new LRUCache<ChannelId, Due>({ max: channelsMax });
  readonly #queue = new Set<ChannelId>();
  readonly #looks = new Set<Promise<void>>();
  readonly #isLimited: boolean;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const { channelBytesMax, channelLinesMax } = options.limits;
    this.#isLimited = Number.isFinite(channelBytesMax) || Number.isFinite(channelLinesMax);
  }

  /** The channel ends here now. */
  grown(channel: ChannelId, head: Head): void {
    if (!this.#isLimited || this.#closed) return;
    const due = this.#due.get(channel);
    if (due !== undefined && head.line < due.line && head.bytes < due.bytes) return;
    this.#queue.add(channel);
    while (this.#queue.size > 0 && this.#looks.size < looksMax) {
      const look = this.#work().finally(() => this.#looks.delete(look));
      this.#looks.add(look);
    }
  }

  /** Idempotent. Waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await Promise.all(this.#looks);
  }

  async #work(): Promise<void> {
    for (const channel of this.#queue) {
      this.#queue.delete(channel);
      await this.#look(channel).catch((err: unknown) =>
        this.#options.failures.note(
          "retention",
          err,
          "an app's limits could not be held; its next lines try again",
        ),
      );
    }
  }

  async #look(channel: ChannelId): Promise<void> {
    const { reader, api, limits } = this.#options;
    const { channelBytesMax, channelLinesMax } = limits;
    const last = await reader.last(channel);
    const oldest = last && (await reader.next(channel, 0));
    if (last === undefined || oldest === undefined) return;
    const { line, bytes } = headAt(last);
    const fits = (message: StoredMessage) =>
      message.sequence >= last.sequence ||
      (line - message.batch.line <= channelLinesMax && bytes - message.bytes <= channelBytesMax);
    let first = oldest;
    if (!fits(oldest)) {
      first = await firstWhere(reader, channel, last, fits);
      const { stream, log } = reader.place(channel);
      await api.purge(stream, log, first.sequence);
    }
    this.#due.set(channel, {
      line: Math.max(first.batch.line + channelLinesMax, line) + Math.floor(channelLinesMax * slack),
      bytes: Math.max(first.bytes + channelBytesMax, bytes) + Math.floor(channelBytesMax * slack),
    });
  }
}
