/** Finds places in a channel's history by the contents of its messages. */
import type { ChannelId } from "../../../core/ids.ts";
import type { Reader } from "./reader.ts";
import type { StoredMessage } from "./stored.ts";

/** The first step back, in sequences of the shard; each further step is four times as long. */
const stepBack = 64;

/**
 * The channel's first message for which `holds` is true. It must be true for `last`, and for every message after one
 * for which it is true. Goes back in growing steps, then bisects: about 20 questions in a million messages.
 */
export async function firstWhere(
  reader: Reader,
  channel: ChannelId,
  last: StoredMessage,
  holds: (message: StoredMessage) => boolean,
): Promise<StoredMessage> {
  let found = last;
  /** `holds` is false up to this sequence. */
  let low = 0;
  for (let step = stepBack; ; step *= 4) {
    const from = last.sequence - step;
    const message = (await reader.next(channel, Math.max(0, from))) ?? last;
    if (holds(message)) found = message.sequence < found.sequence ? message : found;
    else low = message.sequence;
    if (low > 0 || from <= 0) break;
  }
  // The messages between `low` and `high` were not looked at; `high` is at most the sequence of `found`.
  for (let high = found.sequence; low + 1 < high; ) {
    const middle = Math.floor((low + high) / 2);
    const message = await reader.next(channel, middle - 1);
    if (message !== undefined && message.sequence < high && !holds(message)) low = message.sequence;
    else {
      if (message !== undefined && message.sequence < high) found = message;
      high = middle;
    }
  }
  return found;
}
