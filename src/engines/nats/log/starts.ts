/** Finds where a follower of a channel starts. */
import { endOf } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { type Place, type Position, positionAt, readPosition } from "../../../core/position.ts";
import { storeUncertain } from "../../../errors/store.ts";
import type { From } from "../../../ports.ts";
import { isForeign, isOrigin } from "../../incarnation.ts";
import type { Heads } from "./heads.ts";
import { firstWhere } from "./history.ts";
import type { LiveChannel } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import type { StoredMessage } from "./stored.ts";

/** The most by which a batch is stored later than it was accepted, which is by another clock. */
const storedLaterMsMax = 120_000;

/** A start after the sequence `at`. */
export type Start = {
  readonly at: number;
  /** The message that the position named, and how many of its lines the reader already has. */
  readonly named?: { readonly sequence: number; readonly lines: number };
  /** The number of the next line, if the position tells it: no other message begins with a lower one. */
  readonly due?: number | undefined;
  /** True when the requested position is not one of this log. */
  readonly foreign?: true;
};

const beginning: Start = { at: 0 };
const foreign: Start = { at: 0, foreign: true };

const dueAt = ({ line, lines }: Place): number | undefined => (line === undefined ? undefined : line + lines);

/**
 * True when the message comes after the one at `sequence`, and its writer took an earlier one for the last. A message
 * that follows none may begin the channel again.
 */
export const isVoidAfter = (
  sequence: number,
  message: Pick<StoredMessage, "sequence" | "previous">,
): boolean => message.sequence > sequence && message.previous > 0 && message.previous < sequence;

const endLineOf = ({ batch }: StoredMessage): number => batch.line + batch.count;

export class Starts {
  readonly #reader: Reader;
  readonly #heads: Heads;

  constructor(reader: Reader, heads: Heads) {
    this.#reader = reader;
    this.#heads = heads;
  }

  /**
   * `nowAt`: the channel's end at the time of the question, if known. `patient`: a position that the leader does not
   * have yet may still come; then this rejects with `storeUncertain`.
   */
  async of(live: LiveChannel, from: From, nowAt: number | undefined, patient: boolean): Promise<Start> {
    const reader = this.#reader;
    const isNow = from.kind === "now" || (from.kind === "last" && from.lines <= 0);
    if (isNow && nowAt !== undefined) return { at: nowAt };
    const last =
      nowAt === undefined ? await live.start.catch(() => reader.last(live.id)) : await reader.last(live.id);
    live.note(last?.sequence ?? 0);
    if (from.kind === "after") return this.#after(live.id, last, from.position, patient);
    if (last === undefined) return beginning;
    if (isNow) return { at: last.sequence };
    switch (from.kind) {
      case "last":
        return { at: (await this.holding(live.id, last, endLineOf(last) - from.lines)).sequence - 1 };
      case "since":
        return { at: await this.#since(live.id, last, from.timeMs) };
      default:
        return { at: last.sequence };
    }
  }

  /** The message with line `line`, or the first one after it; `last` when there is neither. */
  async holding(channel: ChannelId, last: StoredMessage, line: number): Promise<StoredMessage> {
    if (line >= last.batch.line && (await this.#reader.counts(channel, last))) return last;
    return firstWhere(
      this.#reader,
      channel,
      last,
      ({ sequence, batch }) => sequence >= last.sequence || batch.line + batch.count > line,
    );
  }

  async #after(
    channel: ChannelId,
    last: StoredMessage | undefined,
    position: Position,
    patient: boolean,
  ): Promise<Start> {
    const reader = this.#reader;
    const place = readPosition(position);
    if (place === undefined) throw new TypeError("not a position");
    if (isOrigin(place)) return beginning;
    const { sequence, lines } = place;
    const incarnation = reader.incarnation(channel);
    if (last === undefined || sequence > last.sequence) {
      if ((await reader.lastOfStream(channel)) >= sequence) return this.#afterAll(channel, place, last);
      if (patient) throw storeUncertain(new Error(`the stream's leader has not reached message ${sequence}`));
      return foreign;
    }
    const next = sequence === last.sequence ? last : await reader.next(channel, sequence - 1);
    const isThere = next?.sequence === sequence;
    const at = isThere ? next.batch : undefined;
    const oldest = isThere ? undefined : (await this.#oldestFor(channel, sequence))?.batch;
    if (isForeign(place, { incarnation, end: endOf(last.batch), at, oldest })) return foreign;
    return { at: sequence - 1, named: { sequence, lines }, due: dueAt(place) };
  }

  /** The oldest message, without those that are void for a reader of the one at `sequence`. */
  async #oldestFor(channel: ChannelId, sequence: number): Promise<StoredMessage | undefined> {
    let oldest = await this.#reader.next(channel, 0);
    while (oldest !== undefined && isVoidAfter(sequence, oldest))
      oldest = await this.#reader.next(channel, oldest.sequence);
    return oldest;
  }

  /** The stream has reached the place, and the channel has no message after it. */
  async #afterAll(channel: ChannelId, place: Place, last: StoredMessage | undefined): Promise<Start> {
    // Retention removes the oldest messages first. If the place existed, it would have been removed after what is
    // left.
    if (last !== undefined) return foreign;
    const { position } = await this.#heads.trimmedEnd(channel);
    const end =
      readPosition(position)?.sequence === place.sequence
        ? position
        : positionAt(place.sequence, place.lines);
    const known = { incarnation: this.#reader.incarnation(channel), end, at: undefined, oldest: undefined };
    return isForeign(place, known) ? foreign : { ...beginning, due: dueAt(place) };
  }

  /** The place before the first batch that was accepted at `timeMs` or later. */
  async #since(channel: ChannelId, last: StoredMessage, timeMs: number): Promise<number> {
    const reader = this.#reader;
    const first = await reader.since(channel, timeMs - storedLaterMsMax);
    if (first === undefined) return last.batch.acceptedAtMs >= timeMs ? last.sequence - 1 : last.sequence;
    if (first.batch.acceptedAtMs >= timeMs) return first.sequence - 1;
    for await (const message of reader.stretch(channel, first.sequence, last.sequence)) {
      if (message.batch.acceptedAtMs >= timeMs) return message.sequence - 1;
    }
    return last.sequence;
  }
}
