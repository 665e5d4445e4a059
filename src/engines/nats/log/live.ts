/**
 * Live lines: one core subscription for each channel that this process follows, shared by all its followers. It may
 * lose messages (when a slow reader is cut off, at a reconnect, at a change of leader). Each message names the one
 * before it, so a follower notices a gap at once and reads the stream instead. A quiet channel is compared with its
 * stream after every event that may have cost messages, and from time to time. A channel that only this process
 * writes need not be listened to (`listening.ts`).
 */

import type { BackgroundFailures } from "../../../background-failures.ts";
import type { Batch } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import type { Clock } from "../../../ports.ts";
import { every } from "../every.ts";
import type { Wire } from "../wire/wire.ts";
import { electionSubject } from "./expectations.ts";
import { Listening, Unheard } from "./listening.ts";
import { LiveChannel, type UnderWay } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import { Replacements } from "./replacements.ts";
import { streamOf } from "./shards.ts";
import type { Head } from "./stored.ts";

/** Channels that are compared with their stream at a time. */
const comparesMax = 16;
/** A channel is compared after this long without a message. */
const quietMs = 30_000;
const tickMs = 1000;
/**
 * A leader that was just elected may not know yet what its predecessor published, so it is asked a second time after
 * this.
 */
const secondLookMs = 3000;
/** The subject that announces a destroyed channel, by its name. */
const tombstoneSubject = "tombstone.";

type Joined = { readonly live: LiveChannel; readonly listening: Listening };

type LiveChannelsOptions = {
  readonly wire: Wire;
  readonly reader: Reader;
  readonly failures: BackgroundFailures;
  readonly clock: Clock;
  readonly underWay: UnderWay;
};

/** All channels that this process follows. */
export class LiveChannels {
  readonly #options: LiveChannelsOptions;
  readonly #reader: Reader;
  readonly #channels = new Map<ChannelId, Joined>();
  /** Payloads of all channels that are held for followers which have yet to take them. */
  readonly #held = { bytes: 0 };
  readonly #replacements: Replacements;
  /** Channels to compare with their stream. */
  readonly #queue = new Set<LiveChannel>();
  #comparing = 0;
  readonly #closing = new AbortController();
  readonly #unheard: Unheard<Joined>;
  readonly #ends: readonly (() => void)[];

  constructor(options: LiveChannelsOptions) {
    const { wire, reader, clock } = options;
    this.#options = options;
    this.#reader = reader;
    this.#replacements = new Replacements(reader, clock);
    this.#unheard = new Unheard(clock, this.#closing.signal, (joined) => this.#listen(joined));
    this.#ends = [
      wire.onReconnect(() => this.#compareTwice(() => true)),
      // The old leader may have died after storing a message and before publishing it.
      wire.subscribe(`${electionSubject}*`, ({ subject }) => {
        const stream = subject.slice(electionSubject.length);
        this.#compareTwice(({ id }) => streamOf(reader.place(id).shard) === stream);
      }),
      wire.subscribe(`${tombstoneSubject}*`, ({ subject }) =>
        this.#channels.get(subject.slice(tombstoneSubject.length) as ChannelId)?.live.end(),
      ),
    ];
    void every(clock, tickMs, this.#closing.signal, () => {
      const quietSinceMs = clock.monotonicMs() - quietMs;
      this.#compare((live) => live.checkedAtMs < quietSinceMs);
    });
  }

  /** Returns the channel's live side. Each `join` is followed by one `leave`. */
  join(channel: ChannelId): LiveChannel {
    const joined = this.#channels.get(channel) ?? this.#subscribe(channel);
    joined.live.followers++;
    return joined.live;
  }

  /** The last follower to leave ends the subscription. */
  leave(live: LiveChannel): void {
    live.followers--;
    if (live.followers === 0) this.#drop(live);
  }

  /**
   * Resolves when the first followers of the channel know where they start; undefined when there is nothing to wait
   * for.
   */
  starting(channel: ChannelId): Promise<unknown> | undefined {
    const live = this.#channels.get(channel)?.live;
    return live?.isStarting ? live.start.catch(() => {}) : undefined;
  }

  /** This process begins to store a batch. */
  storing(channel: ChannelId): void {
    this.#channels.get(channel)?.listening.storing(this.#options.clock.monotonicMs());
  }

  /** This process stored `batch` at `sequence`, directly after `head`. */
  stored(channel: ChannelId, head: Head, batch: Batch, sequence: number): void {
    const joined = this.#channels.get(channel);
    if (joined === undefined) return;
    const { live, listening } = joined;
    live.takeOwn(head, batch, sequence);
    listening.stored(this.#options.clock.monotonicMs());
    if (!listening.isOn) this.#unheard.add(joined);
  }

  /** Another process writes the channel, or may have written it. */
  shared(channel: ChannelId): void {
    const joined = this.#channels.get(channel);
    if (joined !== undefined) this.#listen(joined);
  }

  /** Ends the channel's followers in every process. */
  destroyed(channel: ChannelId): void {
    this.#channels.get(channel)?.live.end();
    this.#options.wire.publish(tombstoneSubject + channel);
  }

  /** Ends every follower. */
  close(): void {
    for (const end of this.#ends) end();
    this.#closing.abort();
    for (const { live } of [...this.#channels.values()]) live.end();
  }

  #subscribe(channel: ChannelId): Joined {
    let joined: Joined | undefined;
    // Subscribes before asking for the channel's end, so that no message falls between the two.
    const { wire, clock, underWay } = this.#options;
    const listening = new Listening(() =>
      wire.subscribe(this.#reader.place(channel).live, (msg) => joined?.live.take(msg)),
    );
    const name = { id: channel, incarnation: this.#reader.incarnation(channel) };
    const shared = { held: this.#held, underWay };
    const live = new LiveChannel(name, clock, shared, this.#reader.last(channel), () => this.#drop(live));
    joined = { live, listening };
    this.#channels.set(channel, joined);
    return joined;
  }

  // The channel is removed at once, since it may begin again under the same id.
  #drop(live: LiveChannel): void {
    live.clear();
    this.#queue.delete(live);
    const joined = this.#channels.get(live.id);
    if (joined?.live !== live) return;
    this.#channels.delete(live.id);
    this.#unheard.delete(joined);
    joined.listening.end();
  }

  // Lines that came while nobody listened are in the stream.
  #listen(joined: Joined): void {
    const { live, listening } = joined;
    const wasOn = listening.isOn;
    listening.begin();
    if (wasOn) return;
    live.checkedAtMs = Number.NEGATIVE_INFINITY; // until a comparison succeeds
    this.#compare((other) => other === live);
  }

  #compareTwice(which: (live: LiveChannel) => boolean): void {
    for (const joined of this.#channels.values())
      if (which(joined.live)) {
        this.#replacements.suspect(joined.live);
        this.#listen(joined);
      }
    this.#compare(which);
    const { signal } = this.#closing;
    void this.#options.clock.sleep(secondLookMs, signal).then(() => {
      if (!signal.aborted) this.#compare(which);
    });
  }

  #compare(which: (live: LiveChannel) => boolean): void {
    for (const { live } of this.#channels.values()) if (which(live)) this.#queue.add(live);
    while (this.#queue.size > 0 && this.#comparing < comparesMax) void this.#work();
  }

  async #work(): Promise<void> {
    this.#comparing++;
    for (const live of this.#queue) {
      this.#queue.delete(live);
      try {
        const { newest } = live;
        const last = await this.#reader.last(live.id);
        // Its followers come back with their positions, and are then told.
        if (await this.#replacements.isReplaced(live, newest, last)) live.end();
        else live.note(last?.sequence ?? 0);
      } catch (err) {
        // The channel will be compared again while it stays quiet.
        this.#options.failures.note(
          "live",
          err,
          "an app could not be compared with its stream; it is tried again",
        );
      }
    }
    this.#comparing--;
  }
}
