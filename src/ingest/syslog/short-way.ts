/**
 * A fast path into streams and rounds, for plain frames (`plain-frame.ts`) whose tokens were looked up a moment ago: most
 * senders send many frames with few tokens. All other frames go through the router, which passes on the tokens that
 * it finds.
 */
import type { Origin } from "../../core/batch/canonical.ts";
import { PlainFrame, scanPlain } from "../../core/batch/plain-frame.ts";
import type { ChannelId } from "../../core/ids.ts";
import { tokenBytes } from "../../core/secrets/token-mask.ts";
import { viewOver } from "../../core/wire/timestamp.ts";
import type { Sender } from "../queues/open-batch.ts";

/** Tokens remembered for one connection. */
const knownMax = 16;
const wordBytes = 4;
/** Whole words in a token; the last word overlaps with them. */
const wholeWords = Math.floor(tokenBytes / wordBytes);

/** Lines of one channel. */
type Stream = {
  /** Returns the memory that the frame's line takes; 0: it is not added. */
  addPlain(sender: Sender, bytes: Uint8Array, frame: PlainFrame, origin: Origin): number;
};

type Known<Into> = {
  readonly name: Uint8Array;
  readonly view: DataView;
  readonly channel: ChannelId;
  readonly origin: Origin;
  /** Valid for one turn of the event loop. */
  stream: Into | undefined;
};

const scanned = new PlainFrame(); // the frame that is being added

export class ShortWay<Into extends Stream> {
  readonly #streamOf: (channel: ChannelId) => Into;
  #known: Known<Into>[] = [];
  /** The index of the last frame's token. */
  #last = 0;
  /** The registry's version for which the tokens are valid. */
  #version = Number.NaN;

  constructor(streamOf: (channel: ChannelId) => Into) {
    this.#streamOf = streamOf;
  }

  /**
   * Call at the beginning of a read or of a turn of the event loop. The tokens are kept if the registry still has
   * this version.
   */
  begin(version: number): void {
    if (version !== this.#version || this.#known.length >= knownMax) {
      if (this.#known.length > 0) this.#known = [];
      this.#last = 0;
      this.#version = version;
    }
    this.rest();
  }

  /** Call when writing pauses: the streams are released. */
  rest(): void {
    for (let at = 0; at < this.#known.length; at++) this.#known[at]!.stream = undefined;
  }

  /** Remembers that lines with this token go to the stream of `channel`, with that origin. */
  learn(name: Uint8Array, channel: ChannelId, stream: Into, origin: Origin): void {
    if (name.length !== tokenBytes || this.#known.length >= knownMax) return;
    const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
    this.#known.push({ name, view, channel, origin, stream });
  }

  /**
   * Adds the frame [start, end) if it is plain, its token is known, and the open batch has room. Returns the memory
   * that its line takes, or 0 if it was not added.
   */
  add(sender: Sender, bytes: Uint8Array, start: number, end: number): number {
    if (this.#known.length === 0 || !scanPlain(bytes, start, end, scanned)) return 0;
    const known = this.#find(bytes, scanned.tokenStart);
    if (known === undefined) return 0;
    known.stream ??= this.#streamOf(known.channel);
    return known.stream.addPlain(sender, bytes, scanned, known.origin);
  }

  // Looks at the last frame's token first, then at those after it, since tokens tend to come in the same order.
  #find(bytes: Uint8Array, at: number): Known<Into> | undefined {
    const known = this.#known;
    const view = viewOver(bytes);
    let i = this.#last;
    for (let looked = 0; looked < known.length; looked++) {
      if (isToken(known[i]!, bytes, view, at)) {
        this.#last = i;
        return known[i];
      }
      i = i + 1 === known.length ? 0 : i + 1;
    }
    return undefined;
  }
}

// Tokens are secrets: the time that this takes reveals at most the last digit.
function isToken(
  { name, view }: Pick<Known<Stream>, "name" | "view">,
  bytes: Uint8Array,
  from: DataView,
  at: number,
): boolean {
  if (name[tokenBytes - 1] !== bytes[at + tokenBytes - 1]) return false;
  const last = tokenBytes - wordBytes;
  let difference = view.getInt32(last) ^ from.getInt32(at + last);
  for (let word = 0; word < wholeWords; word++)
    difference |= view.getInt32(word * wordBytes) ^ from.getInt32(at + word * wordBytes);
  return difference === 0;
}
