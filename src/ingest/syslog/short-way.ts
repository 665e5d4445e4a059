/**
 * A fast path into the streams, for plain frames (`plain-frame.ts`) whose tokens were looked up a moment ago: most
 * senders send many frames of few tokens at once. Everything else goes through the router, which hands the tokens that
 * it finds to this.
 */
import type { Origin } from "../../core/batch/canonical.ts";
import { PlainFrame, scanPlain } from "../../core/batch/plain-frame.ts";
import type { ChannelId } from "../../core/ids.ts";
import { tokenBytes } from "../../core/secrets/token-mask.ts";
import { viewOver } from "../../core/wire/timestamp.ts";
import type { Sender } from "../queues/open-batch.ts";
import type { StreamQueue } from "../queues/stream-queue.ts";

/** Tokens that are known at a time, of one connection. */
const knownMax = 16;
const wordBytes = 4;
/** Words that lie whole in a token; one more ends with it. */
const wholeWords = Math.floor(tokenBytes / wordBytes);

type Known = {
  readonly name: Uint8Array;
  readonly view: DataView;
  readonly channel: ChannelId;
  readonly origin: Origin;
  /** Good for one turn of the event loop. */
  stream: StreamQueue | undefined;
};

const scanned = new PlainFrame(); // of the frame that is being added

export class ShortWay {
  readonly #streamOf: (channel: ChannelId) => StreamQueue;
  #known: Known[] = [];
  /** The token of the last frame. */
  #last = 0;
  /** That of the registry when these tokens were known. */
  #version = Number.NaN;

  constructor(streamOf: (channel: ChannelId) => StreamQueue) {
    this.#streamOf = streamOf;
  }

  /** A read, or a turn of the event loop, begins: tokens are known as long as the registry has this version. */
  begin(version: number): void {
    if (version !== this.#version || this.#known.length >= knownMax) {
      if (this.#known.length > 0) this.#known = [];
      this.#last = 0;
      this.#version = version;
    }
    this.rest();
  }

  /** Nothing is written for now: no stream is held. */
  rest(): void {
    for (let at = 0; at < this.#known.length; at++) this.#known[at]!.stream = undefined;
  }

  /** Lines of that token go to the stream of `channel`, with that origin. */
  learn(name: Uint8Array, channel: ChannelId, stream: StreamQueue, origin: Origin): void {
    if (name.length !== tokenBytes || this.#known.length >= knownMax) return;
    const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
    this.#known.push({ name, view, channel, origin, stream });
  }

  /**
   * Adds the frame [start, end), when it is plain, its token known, and room in the open batch; returns the memory that its line
   * takes. 0: nothing was added.
   */
  add(sender: Sender, bytes: Uint8Array, start: number, end: number): number {
    if (this.#known.length === 0 || !scanPlain(bytes, start, end, scanned)) return 0;
    const known = this.#find(bytes, scanned.tokenStart);
    if (known === undefined) return 0;
    known.stream ??= this.#streamOf(known.channel);
    return known.stream.addPlain(sender, bytes, scanned, known.origin);
  }

  // Looks at the token of the last frame first, and then at those behind it: senders take turns.
  #find(bytes: Uint8Array, at: number): Known | undefined {
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

// Tokens are secrets: the time that this takes tells of the last digit alone.
function isToken({ name, view }: Known, bytes: Uint8Array, from: DataView, at: number): boolean {
  if (name[tokenBytes - 1] !== bytes[at + tokenBytes - 1]) return false;
  const last = tokenBytes - wordBytes;
  let difference = view.getInt32(last) ^ from.getInt32(at + last);
  for (let word = 0; word < wholeWords; word++)
    difference |= view.getInt32(word * wordBytes) ^ from.getInt32(at + word * wordBytes);
  return difference === 0;
}
