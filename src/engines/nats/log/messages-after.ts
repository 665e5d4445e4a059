/**
 * Reads on in a subject, in the best way that the servers offer: by batches, or on older servers one by one and then
 * by a consumer.
 */
import { DeliverPolicy } from "nats";
import type { Clock } from "../../../ports.ts";
import { Batches, type Kept } from "../wire/batches.ts";
import type { PullParts } from "../wire/consumer.ts";
import { pull } from "../wire/pull.ts";
import { PullSlots } from "../wire/pull-slots.ts";
import type { StreamApi } from "../wire/stream-api.ts";
import { type Holder, Untaken } from "../wire/untaken.ts";
import type { Wire } from "../wire/wire.ts";

export type ReadingParts = PullParts & {
  readonly batches: Batches;
  readonly slots: PullSlots;
  readonly untaken: Untaken;
};

/** Made once for all readers of history on a connection. */
export function readingParts(
  wire: Wire,
  api: StreamApi,
  clock: Clock,
  untaken: Untaken = new Untaken(),
): ReadingParts {
  const slots = new PullSlots();
  return { wire, api, clock, slots, untaken, batches: new Batches({ wire, clock, slots, untaken }) };
}

type Subject = { readonly stream: string; readonly subject: string };

/** The first question of a reading asks for only this many, because most readings are short. */
const firstBatch = 8;
const batchMax = 500;
/** Asks for this many messages one by one before it creates a consumer. */
const singlesMax = 8;

/**
 * The messages after `after`, in order, as the answering server has them; not many beyond `until`. Rejects with
 * `storeUncertain`.
 */
export async function* messagesAfter(
  parts: ReadingParts,
  subject: Subject,
  after: number,
  until: number,
): AsyncGenerator<Kept> {
  let at = after;
  let singles = 0;
  for (let most = firstBatch; at < until && singles < singlesMax; most = batchMax) {
    const start = { seq: at + 1 };
    const { kind, messages } = await parts.batches.ask({ ...subject, start }, Math.min(most, until - at));
    if (messages.length === 0) return;
    if (kind === "single") singles++;
    const ahead = new Ahead(messages, parts.untaken);
    try {
      for (let message = ahead.next(); message !== undefined; message = ahead.next()) {
        at = message.sequence;
        yield message;
      }
    } finally {
      ahead.drop();
    }
  }
  if (at < until) yield* pulled(parts, subject, at);
}

async function* pulled(
  parts: ReadingParts,
  { stream, subject }: Subject,
  after: number,
): AsyncGenerator<Kept> {
  const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 };
  for await (const { data, sequence } of pull(parts, { stream, filter: subject, start })) {
    // A consumer on a replica that lags starts at the end of that replica.
    if (sequence > after) yield { sequence, payload: data };
  }
}

/** Messages that have arrived, until they are taken or must be dropped for others. */
class Ahead implements Holder {
  readonly #untaken: Untaken;
  #messages: (Kept | undefined)[];
  #at = 0;

  constructor(messages: readonly Kept[], untaken: Untaken) {
    this.#untaken = untaken;
    this.#messages = [...messages];
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
    untaken.hold(this, bytes, messages.length);
  }

  /** Undefined when there are no more, or they were dropped. */
  next(): Kept | undefined {
    const message = this.#messages[this.#at];
    if (message === undefined) return undefined;
    this.#untaken.taken(this, message.payload.length);
    this.#messages[this.#at++] = undefined;
    return message;
  }

  drop(): void {
    this.#untaken.end(this);
    this.#messages = [];
  }
}
