/** The destruction of a channel on its way to the disk. */
import type { ChannelId } from "../../core/ids.ts";
import type { AppError } from "../../errors/app-error.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { destroyedEntry } from "./entry.ts";
import type { Work } from "./journal.ts";
import type { RecordBuilder } from "./record-builder.ts";
import type { Segment } from "./segment.ts";

export class Destroy implements Work {
  readonly use = "upkeep";
  readonly bytes = 0;
  readonly failed: (error: AppError) => void;
  readonly #channels: Channels;
  readonly #id: ChannelId;
  readonly #stored: (gone: Channel | undefined) => void;
  #isThere = false;

  constructor(
    channels: Channels,
    id: ChannelId,
    stored: (gone: Channel | undefined) => void,
    failed: (error: AppError) => void,
  ) {
    this.#channels = channels;
    this.#id = id;
    this.#stored = stored;
    this.failed = failed;
  }

  form(record: RecordBuilder): void {
    this.#isThere = this.#channels.formDestroyed(this.#id);
    if (this.#isThere) record.add(destroyedEntry(this.#id));
  }

  stored(segment: Segment): void {
    if (this.#isThere) segment.destroyed.add(this.#id);
    this.#stored(this.#isThere ? this.#channels.destroy(this.#id) : undefined);
  }
}
