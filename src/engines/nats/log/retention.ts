/**
 * Enforces the limits of one channel, which the stream's own limits (age, and the bytes of a shard) do not cover. The
 * writers of a channel check them when it has grown, and purge the excess.
 *
 * Reading a message transfers all of its lines, so hardly any is read: a process remembers places of the channels that
 * it writes (`marks.ts`), and purges up to one of them.
 */
import { LRUCache } from "lru-cache";
import type { BackgroundFailures } from "../../../background-failures.ts";
import type { ChannelId } from "../../../core/ids.ts";
import type { Retention as Limits } from "../../engine.ts";
import type { StreamApi } from "../wire/stream-api.ts";
import { Marks, type Size } from "./marks.ts";
import type { Reader } from "./reader.ts";
import type { Head } from "./stored.ts";

type RetentionOptions = {
  readonly reader: Reader;
  readonly api: StreamApi;
  readonly limits: Limits;
  readonly failures: BackgroundFailures;
};

/** The share of its limits by which a channel may exceed them, or be purged below them. */
const slack = 1 / 16;
const channelsMax = 100_000;
/** Channels that are looked at at a time; others wait, each of them once. */
const looksMax = 8;

export class Retention {
  readonly #options: RetentionOptions;
  readonly #marks = new LRUCache<ChannelId, Marks>({ max: channelsMax });
  /** Channels to look at, also those that have grown while they are being looked at. */
  readonly #queue = new Map<ChannelId, Marks>();
  readonly #looking = new Set<Marks>();
  readonly #looks = new Set<Promise<void>>();
  readonly #most: Size;
  readonly #slack: Size;
  readonly #isLimited: boolean;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const { channelBytesMax: bytes, channelLinesMax: line } = options.limits;
    this.#most = { line, bytes };
    this.#slack = { line: Math.floor(line * slack), bytes: Math.floor(bytes * slack) };
    this.#isLimited = Number.isFinite(bytes) || Number.isFinite(line);
  }

  /** The channel now ends at `head`, and its last message follows `last`. */
  grown(channel: ChannelId, head: Head, last: Head): void {
    if (!this.#isLimited || this.#closed) return;
    let marks = this.#marks.get(channel);
    if (marks === undefined || marks.isOfAnotherLife(head)) {
      marks = new Marks(this.#most, this.#slack);
      this.#marks.set(channel, marks);
    }
    if (!marks.isDue(head, last)) return;
    this.#queue.set(channel, marks);
    if (this.#looking.has(marks) || this.#looks.size >= looksMax) return;
    const look = this.#work().finally(() => this.#looks.delete(look));
    this.#looks.add(look);
  }

  /** Idempotent. Waits for the looks that are under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await Promise.all(this.#looks);
  }

  async #work(): Promise<void> {
    for (const [channel, marks] of this.#queue) {
      if (this.#looking.has(marks)) continue;
      this.#queue.delete(channel);
      this.#looking.add(marks);
      await this.#look(channel, marks).catch((err: unknown) =>
        this.#options.failures.note(
          "retention",
          err,
          "an app's limits could not be held; its next lines try again",
        ),
      );
      this.#looking.delete(marks);
    }
  }

  async #look(channel: ChannelId, marks: Marks): Promise<void> {
    const { reader, api } = this.#options;
    const place = await marks.whole((sequence) => reader.next(channel, sequence));
    if (place === undefined) return;
    const { stream, log } = reader.place(channel);
    await api.purge(stream, log, place.sequence + 1);
    marks.purged(place);
  }
}
