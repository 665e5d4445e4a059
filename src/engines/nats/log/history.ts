/** Finds places in a channel's history by what the messages say of themselves. */
import type { ChannelId } from "../../../core/ids.ts";
import type { Reader } from "./reader.ts";
import type { StoredMessage } from "./stored.ts";

/** The first step back, in sequences of the shard; each next one is four times as far. */
const stepBack = 64;

/**
 * The channel's first message for which `holds` is true. It must be true for `last` and, once true, for all that
 * follow. Goes back in growing steps, then halves: about 20 questions in a million messages.
 */
export async function firstWhere(
  reader: Reader,
  channel: ChannelId,
  last: StoredMessage,
  holds: (message: StoredMessage) => boolean,
): Promise<StoredMessage> {
  let found = last;
  /** It is not true at this sequence or before. */
  let low = 0;
  for (let step = stepBack; ; step *= 4) {
    const from = last.sequence - step;
    const message = (await reader.next(channel, Math.max(0, from))) ?? last;
    if (holds(message)) found = message.sequence < found.sequence ? message : found;
    else low = message.sequence;
    if (low > 0 || from <= 0) break;
  }
  // Messages that are not looked at yet lie between `low` and `high`; `high` is at most where `found` is.
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
