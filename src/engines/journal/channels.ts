import type { ChannelId } from "../../core/ids.ts";
import { incarnationOf, newLogId } from "../incarnation.ts";
import { Channel } from "./channel.ts";

/**
 * All channels. The commit that is being formed may destroy a channel and begin it again. What it creates is kept
 * apart until it is on the disk; until then, readers see the old channel.
 */
export class Channels {
  readonly #byId = new Map<ChannelId, Channel>();
  /** Channels that were begun by the commit that is being formed. */
  readonly #forming = new Map<ChannelId, Channel>();
  /** New in each process, so that no two lives of a channel have the same name. */
  readonly #logId = newLogId();
  #instances = 0;

  get(id: ChannelId): Channel | undefined {
    return this.#byId.get(id);
  }

  /** The channel for the commit that is being formed; begins one if there is none. */
  forming(id: ChannelId): Channel {
    const known = this.#forming.get(id) ?? this.#byId.get(id);
    if (known !== undefined) return known;
    return this.#begin(id);
  }

  /** A channel that was begun in an earlier process. */
  recovered(id: ChannelId, incarnation: string): Channel {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const channel = new Channel(id, ++this.#instances, incarnation);
    this.#byId.set(id, channel);
    return channel;
  }

  /** Destroys the channel for the commit that is being formed; false when there is none. */
  formDestroyed(id: ChannelId): boolean {
    if (!this.#forming.has(id) && !this.#byId.has(id)) return false;
    this.#begin(id);
    return true;
  }

  /** The channel is destroyed on the disk. Returns it if it was visible to readers. */
  destroy(id: ChannelId): Channel | undefined {
    const channel = this.#byId.get(id);
    if (channel !== undefined) channel.isDestroyed = true;
    this.#byId.delete(id);
    return channel;
  }

  /** The channel has a line on the disk, so readers see it from now on. */
  add(channel: Channel): void {
    this.#byId.set(channel.id, channel);
  }

  /** The commit is over. */
  formed(): void {
    this.#forming.clear();
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  #begin(id: ChannelId): Channel {
    const instance = ++this.#instances;
    const channel = new Channel(id, instance, incarnationOf(this.#logId, instance));
    this.#forming.set(id, channel);
    return channel;
  }
}
