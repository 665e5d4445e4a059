/**
 * Sorts frames by the token that they name into canonical lines of each channel: syslog, and HTTP with a credential that
 * may write to every channel (docs/spec/wire-in.md#w3-14). The token stands in APPNAME or the tag of BSD syslog, else in
 * an element of structured data; a frame that names none has the one that its connection brings (#w5-2). No string is
 * made for a line whose token is known.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { Canoniser, originOf } from "../../core/batch/canonical.ts";
import type { ChannelId } from "../../core/ids.ts";
import { isShortTokenAt, isTokenAt, tokenBytes, tokenOfSpelling } from "../../core/secrets/token-mask.ts";
import { tokenElement } from "../../core/wire/structured-data.ts";
import { SyslogHeader, scanHeader } from "../../core/wire/syslog.ts";
import { unlessUnreadable } from "../../registry/checked-store.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { FaultTally } from "../senders/fault-tally.ts";
import type { DrainLoops } from "./drain-loops.ts";
import { isMarked, markedFrame, sourceOf } from "./marks.ts";
import { isTokenLong, type Route, Routes } from "./routes.ts";

/** Ingest's view of the token registry. */
export type TokenLookup = {
  /** Answers of `peek` hold as long as this is the same number; NaN: for no moment. */
  readonly version: number;
  /** From memory: null is known to be unknown, undefined is not known here. */
  peek(token: string): TokenRecord | null | undefined;
  find(token: string): Promise<TokenRecord | undefined>;
};

/** Ingest's view of lines that come back from our own drains. */
export type Loops = Pick<DrainLoops, "isOurs" | "refused">;

type RouterOptions = {
  readonly tokens: TokenLookup;
  readonly loops: Loops;
  /** Tokens that are remembered. */
  readonly tokensMax: number;
};

/** Whoever takes the lines of sorted frames. */
export interface LineTarget {
  /** Takes a copy of the frame [start, end), which was scanned: a line of the record's channel and of `source`. */
  place(
    record: TokenRecord,
    source: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    header: SyslogHeader,
    nowMs: number,
  ): void;
  /** That token is the record's: it need not be asked for again in this read, or while the registry has the version it has. */
  knows?(name: Uint8Array, record: TokenRecord): void;
}

/** PROCID of our own lines to owners. */
const noticeProcess = "logplex";
/** Length, PRI, time, host and nil values of a canonical line. */
const headBytesMax = 64;
const letterD = 0x64;
const letterT = 0x74;
const dot = 0x2e;
const scanned = new SyslogHeader(); // of the frame that is being added

/** Starts sortings; they share what is remembered of tokens. */
export class FrameRouter {
  readonly #options: RouterOptions;
  readonly #routes: Routes;
  #sortings = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#routes = new Routes(options.tokensMax);
  }

  /**
   * Starts to sort the frames of one read or one body; each of its tokens is looked at once. Frames that name none have
   * `fallback`, where there is one. The lines go to `target`, or wait in the sorting for `take`.
   */
  sort(nowMs: number, fallback?: string, target?: LineTarget): Sorting {
    return new Sorting(this.#routes, this.#options, ++this.#sortings, nowMs, fallback, target);
  }
}

/** The frames of one read or one body on their way to their channels. */
export class Sorting {
  /** Counts of bad frames; those without a known token, and those that a drain of ours sent, are dropped. */
  readonly faults = new FaultTally();
  /** Frames that have a channel. */
  placed = 0;
  readonly #routes: Routes;
  readonly #tokens: TokenLookup;
  readonly #id: number;
  readonly #nowMs: number;
  readonly #loops: Loops;
  readonly #fallback: string | undefined;
  readonly #target: LineTarget;
  readonly #kept: KeptLines | undefined;
  /** Just read from the store, for the frame that asked. */
  #found: { readonly token: string; readonly record: TokenRecord | null } | undefined;
  /** The record of `#fallback`, once it was needed. */
  #fallbackRecord: TokenRecord | undefined;

  constructor(
    routes: Routes,
    options: RouterOptions,
    id: number,
    nowMs: number,
    fallback: string | undefined,
    target: LineTarget | undefined,
  ) {
    this.#kept = target === undefined ? new KeptLines() : undefined;
    this.#target = target ?? this.#kept!;
    this.#routes = routes;
    this.#tokens = options.tokens;
    this.#loops = options.loops;
    this.#id = id;
    this.#nowMs = nowMs;
    this.#fallback = fallback;
  }

  /**
   * Adds the frame [start, end), copying it. A promise means that its token has to be read from the store first: the
   * frame is added when it resolves, and not at all when it rejects. Add no other frame before that. `one`: its token is
   * known already, whatever it names.
   */
  add(bytes: Uint8Array, start: number, end: number, one?: TokenRecord): Promise<void> | undefined {
    scanHeader(bytes, start, end, scanned, this.#nowMs);
    if (one !== undefined) {
      this.#place(one, bytes, start, end);
      return undefined;
    }
    const { appStart, appEnd, hostStart, msgidStart, msgidEnd } = scanned;
    // Docker writes its tag there, too.
    if (isShortTokenAt(bytes, msgidStart, msgidEnd)) scanned.msgidStart = msgidEnd;
    if (bytes[hostStart] === letterD && bytes[hostStart + 1] === dot && this.#isLoop(bytes, start, end))
      return undefined;
    if (!isTokenLong(appStart, appEnd) || bytes[appStart] !== letterT)
      return this.#addElsewhere(bytes, start, end);
    const route = this.#routes.find(bytes, appStart, appEnd);
    if (route !== undefined && (route.sorting === this.#id || route.version === this.#tokens.version)) {
      this.#placeRouted(route, bytes, start, end);
      return undefined;
    }
    return route !== undefined || isTokenIn(bytes, appStart, appEnd)
      ? this.#addNew(route, bytes, start, end, appStart, appEnd)
      : this.#addElsewhere(bytes, start, end);
  }

  /** The lines of each channel in order, of a sorting without a target. */
  take(): Map<ChannelId, CanonicalLines> {
    return this.#kept!.take();
  }

  // A frame whose APPNAME is no token.
  #addElsewhere(bytes: Uint8Array, start: number, end: number): Promise<void> | undefined {
    const { sdStart, sdEnd } = scanned;
    const element = sdEnd > sdStart ? tokenElement(bytes, sdStart, sdEnd) : undefined;
    if (element !== undefined && isTokenIn(bytes, element.valueStart, element.valueEnd)) {
      if (element.start === sdStart) scanned.sdStart = element.end;
      else if (element.end === sdEnd) scanned.sdEnd = element.start;
      const route = this.#routes.find(bytes, element.valueStart, element.valueEnd);
      return this.#addNew(route, bytes, start, end, element.valueStart, element.valueEnd);
    }
    const token = this.#fallback;
    if (token === undefined) {
      this.faults.add("no_token", bytes, start, end);
      return undefined;
    }
    const record = this.#fallbackRecord ?? this.#peek(token);
    if (record === undefined) return this.#addWhenFound(token, bytes, start, end);
    if (record === null) this.faults.add("unknown_token", bytes, start, end);
    else {
      this.#fallbackRecord = record;
      this.#place(record, bytes, start, end);
    }
    return undefined;
  }

  // The first frame of its token, which is [tokenStart, tokenEnd), in this sorting.
  #addNew(
    route: Route | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    tokenStart: number,
    tokenEnd: number,
  ): Promise<void> | undefined {
    const token = route?.token ?? tokenOfSpelling(latin1Of(bytes, tokenStart, tokenEnd));
    const record = this.#peek(token);
    if (record === undefined) return this.#addWhenFound(token, bytes, start, end);
    if (record === null) {
      if (route !== undefined) this.#routes.forget(route);
      this.faults.add("unknown_token", bytes, start, end);
      return undefined;
    }
    // A record that was read from the store may have changed since: it holds for this sorting alone.
    const version = this.#found?.token === token ? Number.NaN : this.#tokens.version;
    if (route !== undefined) Object.assign(route, { record, sorting: this.#id, version });
    const known = route ?? this.#routes.keep(bytes, tokenStart, tokenEnd, record, this.#id, version);
    this.#placeRouted(known, bytes, start, end);
    return undefined;
  }

  #placeRouted({ name, record }: Route, bytes: Uint8Array, start: number, end: number): void {
    this.#place(record, bytes, start, end);
    if (!isMarked(record)) this.#target.knows?.(name, record);
  }

  #peek(token: string): TokenRecord | null | undefined {
    return this.#found?.token === token ? this.#found.record : this.#tokens.peek(token);
  }

  async #addWhenFound(token: string, bytes: Uint8Array, start: number, end: number): Promise<void> {
    const frame = Buffer.from(bytes.subarray(start, end)); // the bytes are good for this turn
    // A token whose record is unreadable is nobody's: the lines of others behind it go on.
    const record = (await unlessUnreadable(this.#tokens.find(token))) ?? null;
    this.#found = { token, record };
    this.add(frame, 0, frame.length); // others may have scanned in between
    this.#found = undefined;
  }

  // The frame that was scanned: a drain of ours sent it, over whatever way it came back.
  #isLoop(bytes: Uint8Array, start: number, end: number): boolean {
    const drainToken = latin1Of(
      bytes,
      scanned.hostStart,
      Math.min(scanned.hostEnd, scanned.hostStart + tokenBytes),
    );
    if (!this.#loops.isOurs(drainToken)) return false;
    const process = latin1Of(bytes, scanned.processStart, scanned.processEnd);
    this.#loops.refused(drainToken, process === noticeProcess);
    this.faults.add("drain_loop", bytes, start, end);
    return true;
  }

  // The frame that was scanned.
  #place(record: TokenRecord, bytes: Uint8Array, start: number, end: number): void {
    this.placed++;
    if (scanned.kind === "text") this.faults.add("unreadable", bytes, start, end);
    if (!isMarked(record)) {
      this.#target.place(record, record.source, bytes, start, end, scanned, this.#nowMs);
      return;
    }
    const source = record.keepSource === true ? sourceOf(record, bytes, scanned) : record.source;
    const frame = markedFrame(record, bytes, end, scanned);
    scanHeader(frame, 0, frame.length, scanned, this.#nowMs);
    this.#target.place(record, source, frame, 0, frame.length, scanned, this.#nowMs);
  }
}

/** Lines by their channels, until somebody takes them. */
class KeptLines implements LineTarget {
  readonly #channels = new Map<ChannelId, Canoniser>();

  place(
    { channel, token }: TokenRecord,
    source: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    header: SyslogHeader,
    nowMs: number,
  ): void {
    let canoniser = this.#channels.get(channel);
    if (canoniser === undefined) {
      // Just large enough for a first frame: most channels of a busy router have one line in a body.
      const room = Buffer.allocUnsafe(end - start + source.length + headBytesMax);
      this.#channels.set(channel, (canoniser = new Canoniser(source, room, token)));
    }
    canoniser.addScanned(bytes, end, header, nowMs, originOf(source, token));
  }

  take(): Map<ChannelId, CanonicalLines> {
    const lines = new Map<ChannelId, CanonicalLines>();
    for (const [channel, canoniser] of this.#channels) lines.set(channel, canoniser.take());
    this.#channels.clear();
    return lines;
  }
}

const isTokenIn = (bytes: Uint8Array, start: number, end: number): boolean =>
  isTokenAt(bytes, start, end) || isShortTokenAt(bytes, start, end);

const latin1Of = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
