/**
 * Tails of one app that want the same lines in the same form, and are up to date, share one reading: a hub. What it
 * reads is one piece for all of them. The more tails there are, the more lines make a piece, since the cost is in the
 * number of writes. A tail that cannot take a piece leaves without it, and reads on from its own place.
 */
import { isSamePlace, type Position } from "../core/position.ts";
import { turns } from "../turns.ts";
import type { NextLine, TailPart } from "./tail-part.ts";

/** How far a reader has got. */
export type TailPlace = { readonly position: Position; readonly next: NextLine };

/** Lines that many tails may want. */
export type Feed = {
  /** The name of the app, form and filter. */
  readonly key: string;
  readonly channel: string;
  /** True when nothing after `position` is stored, as far as is known here. */
  readonly isEnd: (position: Position) => boolean;
  readonly read: (from: TailPlace, signal: AbortSignal) => AsyncGenerator<TailPart, void, void>;
};

export type Member = {
  /** Returns false when it cannot take the piece now; `left` is called next. Never throws. */
  readonly take: (piece: TailPart) => boolean;
  /** Called when it must read on by itself from `place`. */
  readonly left: (place: TailPlace) => void;
  /** Called when the log is over, or could not be read. */
  readonly ended: (failure?: unknown) => void;
};

/** No more bytes than these are held back for another line; a larger part is read by each tail itself. */
export const pieceBytesMax = 65_536;
/** The wait between pieces, for each member: about twice the time that its writes take. */
const waitMsEach = 0.03;
/** A shorter wait is skipped: the members are too few. */
const waitMsMin = 1;
export const waitMsMax = 50;

export class Hub {
  readonly #feed: Feed;
  readonly #onEmpty: () => void;
  readonly #members = new Set<Member>();
  readonly #stopping = new AbortController();
  /** Parts that were read and not told yet. */
  #waiting: TailPart[] = [];
  #waitingBytes = 0;
  /** How far the hub has read, and how far its members are. */
  #read: TailPlace;
  #sent: TailPlace;
  #telling: Promise<void> | undefined;
  #notBeforeMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onEmpty`: called when no member may join any more. */
  constructor(feed: Feed, place: TailPlace, onEmpty: () => void) {
    this.#feed = feed;
    this.#onEmpty = onEmpty;
    this.#read = place;
    this.#sent = place;
  }

  /** Begins to read, with `first` as its first member. */
  open(first: Member): void {
    this.#members.add(first);
    void this.#run();
  }

  /** Admits a member that is exactly as far as the others; false when it is not. */
  admit(member: Member, position: Position): boolean {
    if (this.#telling !== undefined || this.#waiting.length > 0) return false;
    if (this.#stopping.signal.aborted || !isSamePlace(position, this.#sent.position)) return false;
    this.#members.add(member);
    return true;
  }

  /** Idempotent. The member gets nothing more. */
  remove(member: Member): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#stop();
  }

  async #run(): Promise<void> {
    try {
      for await (const part of this.#feed.read(this.#read, this.#stopping.signal)) {
        const isPiece = part.position === undefined && part.bytes.length > 0;
        if (isPiece || part.bytes.length > pieceBytesMax) {
          await this.#tellAll();
          this.#dismiss((member) => member.left(this.#sent));
          return;
        }
        this.#add(part);
        if (this.#waitingBytes >= pieceBytesMax) await this.#tellAll();
        else this.#tellSoon();
      }
      await this.#tellAll();
      this.#dismiss((member) => member.ended());
    } catch (failure) {
      await this.#tellAll();
      this.#dismiss((member) => member.ended(failure));
    }
  }

  #add(part: TailPart): void {
    const { position, next } = part;
    if (position === undefined) return; // it was not told any place
    this.#waiting.push(part);
    this.#waitingBytes += part.bytes.length;
    this.#read = { position, next: next ?? { line: undefined, acceptedAtMs: this.#read.next.acceptedAtMs } };
  }

  #tellSoon(): void {
    if (this.#telling !== undefined || this.#timer !== undefined || this.#waiting.length === 0) return;
    const waitMs = this.#notBeforeMs - performance.now();
    if (waitMs <= 0) this.#begin();
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#begin();
      }, waitMs);
  }

  async #tellAll(): Promise<void> {
    // The end of one telling may begin the next one, which takes more than a turn where others use it up.
    while (this.#telling !== undefined || this.#waiting.length > 0) await (this.#telling ?? this.#begin());
  }

  #begin(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    const place = this.#read;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const telling = this.#tell(pieceOf(waiting, place)).then(() => {
      this.#sent = place;
      this.#telling = undefined;
      this.#tellSoon();
    });
    this.#telling = telling;
    return telling;
  }

  // There can be many members, so others get turns between them.
  async #tell(piece: TailPart): Promise<void> {
    for (const member of this.#members) {
      if (!member.take(piece)) {
        this.remove(member);
        member.left(this.#sent);
      }
      if (turns.isOver) await turns.next(this.#feed.channel);
    }
    const waitMs = Math.min(waitMsMax, this.#members.size * waitMsEach);
    this.#notBeforeMs = waitMs < waitMsMin ? 0 : performance.now() + waitMs;
  }

  #dismiss(tell: (member: Member) => void): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#stop();
    for (const member of members) tell(member);
  }

  #stop(): void {
    if (this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#stopping.abort("stopped");
    this.#onEmpty();
  }
}

function pieceOf(parts: readonly TailPart[], { position, next }: TailPlace): TailPart {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return { bytes: Buffer.concat(parts.map(({ bytes }) => bytes)), count, position, next };
}

/** The hubs of a server, by the keys of their feeds. */
export class Hubs {
  readonly #hubs = new Map<string, Hub>();

  /** The hub that the member has joined; undefined when it is behind, and must read on by itself. */
  join(feed: Feed, place: TailPlace, member: Member): Hub | undefined {
    const known = this.#hubs.get(feed.key);
    if (known !== undefined) return known.admit(member, place.position) ? known : undefined;
    if (!feed.isEnd(place.position)) return undefined;
    const hub: Hub = new Hub(feed, place, () => {
      if (this.#hubs.get(feed.key) === hub) this.#hubs.delete(feed.key);
    });
    this.#hubs.set(feed.key, hub);
    hub.open(member);
    return hub;
  }
}
