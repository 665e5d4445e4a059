/** Reads many messages of a stream, in order, with pull consumers that live as long as the reading. */
import { DeliverPolicy } from "nats";
import { storeUncertain } from "../../../errors/store.ts";
import { Consumer, type Pulled, type PullParts, type Source } from "./consumer.ts";

/** Bound of one pull for readers without a shared bound, estimated from the size of the previous messages. */
const pullBytesMax = 256 * 1024;
const pullMessagesMax = 500;
/** The size is unknown at first, and a batch of lines can have 512 KiB. */
const firstPullMessages = 1;

/**
 * All messages that the stream has at the time of the call, at most `messagesMax`. Rejects when the server stops
 * answering; the caller can continue after the last message that it got. Messages that were dropped for others are
 * asked for again.
 */
export async function* pull(
  parts: PullParts,
  source: Source,
  messagesMax = Number.POSITIVE_INFINITY,
): AsyncGenerator<Pulled> {
  let rest = source;
  let left = messagesMax;
  for (let isWhole = false; !isWhole && left > 0; ) {
    const consumer = await Consumer.open(parts, rest);
    try {
      for await (const pulled of taken(parts, consumer, source, left)) {
        const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: pulled.sequence + 1 };
        rest = { ...source, start };
        left--;
        yield pulled;
      }
      isWhole = !consumer.isDropped;
    } finally {
      consumer.close();
    }
  }
}

// Ends early when its messages were dropped.
async function* taken(
  parts: PullParts,
  consumer: Consumer,
  source: Source,
  messagesMax: number,
): AsyncGenerator<Pulled> {
  let left = Math.min(consumer.pending, messagesMax);
  let batch = Math.min(firstPullMessages, left);
  while (left > 0) {
    await parts.slots?.take(source.filter);
    consumer.request(batch, () => parts.slots?.release());
    let bytes = 0;
    for (let got = 0; got < batch; got++) {
      const pulled = await consumer.next();
      if (consumer.isDropped) return;
      if (pulled === undefined) throw brokeOff(source);
      bytes += pulled.data.length;
      yield pulled;
    }
    left -= batch;
    const share = parts.untaken?.share ?? pullBytesMax;
    batch = Math.min(left, pullMessagesMax, Math.max(1, Math.floor(share / (bytes / batch + 1))));
  }
}

/**
 * All messages that the stream has, then `caught-up`, then each new one, until `signal` is aborted. Rejects when the
 * server stops answering or the connection was renewed.
 */
export async function* pullOn(
  parts: PullParts,
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<Pulled | "caught-up"> {
  const consumer = await Consumer.open(parts, source);
  const end = () => consumer.end();
  const forget = parts.wire.onReconnect(end);
  signal.addEventListener("abort", end);
  try {
    let left = consumer.pending;
    if (left === 0) yield "caught-up";
    while (!signal.aborted) {
      consumer.request(pullMessagesMax);
      for (let got = 0; got < pullMessagesMax; got++) {
        const pulled = await consumer.next();
        if (signal.aborted) return;
        if (pulled === undefined) {
          if (consumer.isOver) throw brokeOff(source);
          break; // the pull has timed out
        }
        yield pulled;
        if (--left === 0) yield "caught-up";
      }
    }
  } finally {
    forget();
    signal.removeEventListener("abort", end);
    consumer.close();
  }
}

const brokeOff = ({ filter }: Source) => storeUncertain(new Error(`the reading of ${filter} broke off`));
