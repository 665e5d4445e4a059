/**
 * Sorts frames into canonical lines of each channel by the token that they name: frames of syslog, and of HTTP
 * requests whose credential may write to every channel (docs/spec/wire-in.md#w3-14). The token is in APPNAME or the
 * tag of BSD syslog, or else in an element of structured data; a frame that names none gets the token of its
 * connection (#w5-2). No string is made for a line whose token is known.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { Canoniser, originOf } from "../../core/batch/canonical.ts";
import type { ChannelId } from "../../core/ids.ts";
import { isShortTokenAt, isTokenAt, tokenBytes, tokenOfSpelling } from "../../core/secrets/token-mask.ts";
import { tokenElement } from "../../core/wire/structured-data.ts";
import { SyslogHeader, scanHeader } from "../../core/wire/syslog.ts";
import { unlessUnreadable } from "../../registry/checked-store.ts";
import type { TokenRecord } from "../../registry/records.ts";
import type { Cause } from "../senders/fault-causes.ts";
import { FaultTally } from "../senders/fault-tally.ts";
import type { DrainLoops } from "./drain-loops.ts";
import { isMarked, markedFrame, sourceOf } from "./marks.ts";
import { isTokenLong, type Route, Routes } from "./routes.ts";

/** Ingest's view of the token registry. */
export type TokenLookup = {
  /** Answers of `peek` are valid while this number stays the same; NaN: never. */
  readonly version: number;
  /** The record if it is in memory; null: the token is known not to exist; undefined: not in memory. */
  peek(token: string): TokenRecord | null | undefined;
  find(token: string): Promise<TokenRecord | undefined>;
};

/** Ingest's view of lines that come back from our own drains. */
export type Loops = Pick<DrainLoops, "isOurs" | "refused">;

type RouterOptions = {
  readonly tokens: TokenLookup;
  readonly loops: Loops;
  /** Tokens whose records are kept in memory. */
  readonly tokensMax: number;
};

/** Takes the lines of sorted frames. */
export interface LineTarget {
  /** Copies the scanned frame as a line of the record's channel and of `source`. */
  place(record: TokenRecord, source: string, bytes: Uint8Array, header: SyslogHeader, nowMs: number): void;
  /**
   * Called with a token and its record, which is good for as long as the registry keeps its present version, whoever reads
   * the token.
   */
  knows?(name: Uint8Array, record: TokenRecord): void;
}

/** PROCID of our own notices. */
const noticeProcess = "logplex";
/** Length, PRI, time, host and nil values of a canonical line take at most this much. */
const headBytesMax = 64;
/** The memory of a channel with lines beside theirs. */
const channelBytes = 512;
const letterD = 0x64;
const letterT = 0x74;
const dot = 0x2e;
const scanned = new SyslogHeader(); // the frame that is being added

/** Starts sortings, which share the tokens that are remembered. */
export class FrameRouter {
  readonly #options: RouterOptions;
  readonly #routes: Routes;
  #sortings = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#routes = new Routes(options.tokensMax);
  }

  /**
   * Starts sorting the frames of one read or one body; each token is looked up at most once. Frames that name no
   * token use `fallback`, if given. The lines go to `target`, or are kept for `take`.
   */
  sort(nowMs: number, fallback?: string, target?: LineTarget): Sorting {
    return new Sorting(this.#routes, this.#options, ++this.#sortings, nowMs, fallback, target);
  }
}

/** The frames of one read or one body on their way to their channels. */
export class Sorting {
  /** Counts bad frames. Those without a known token, and those that one of our drains sent, are dropped. */
  readonly faults = new FaultTally();
  /** Frames that were sorted into a channel. */
  placed = 0;
  readonly #routes: Routes;
  readonly #tokens: TokenLookup;
  readonly #id: number;
  readonly #nowMs: number;
  readonly #loops: Loops;
  readonly #fallback: string | undefined;
  readonly #target: LineTarget;
  readonly #kept: KeptLines | undefined;
  /** Just read from the store, for the frame that needed it. */
  #found: { readonly token: string; readonly record: TokenRecord | null } | undefined;
  /** The record of `#fallback`, once a frame has needed it. */
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
   * Adds a copy of the frame [start, end). A promise means that its token must be read from the store first: the
   * frame has been added when it resolves, and has not when it rejects; add no other frame before then. With `only`,
   * every frame belongs to that record, whatever token it names.
   */
  add(bytes: Uint8Array, start: number, end: number, only?: TokenRecord): Promise<void> | undefined {
    scanHeader(bytes, start, end, scanned, this.#nowMs);
    if (only !== undefined) {
      this.#place(only, bytes);
      return undefined;
    }
    const { appStart, appEnd, hostStart, msgidStart, msgidEnd } = scanned;
    // Docker writes its tag in MSGID, too.
    if (isShortTokenAt(bytes, msgidStart, msgidEnd)) scanned.msgidStart = msgidEnd;
    if (bytes[hostStart] === letterD && bytes[hostStart + 1] === dot && this.#isLoop(bytes)) return undefined;
    if (!isTokenLong(appStart, appEnd) || bytes[appStart] !== letterT) return this.#addElsewhere(bytes);
    const route = this.#routes.find(bytes, appStart, appEnd);
    if (route !== undefined && (route.sorting === this.#id || route.version === this.#tokens.version)) {
      this.#placeRouted(route, bytes);
      return undefined;
    }
    return route !== undefined || isTokenIn(bytes, appStart, appEnd)
      ? this.#addNew(route, bytes, appStart, appEnd)
      : this.#addElsewhere(bytes);
  }

  /** The memory of the lines that `take` will return. */
  get roomBytes(): number {
    return this.#kept!.roomBytes;
  }

  /** The lines of each channel, in order and in parts. For sortings without a target. */
  take(): Map<ChannelId, readonly CanonicalLines[]> {
    return this.#kept!.take();
  }

  // Adds a frame whose APPNAME is no token.
  #addElsewhere(bytes: Uint8Array): Promise<void> | undefined {
    const { sdStart, sdEnd } = scanned;
    const element = sdEnd > sdStart ? tokenElement(bytes, sdStart, sdEnd) : undefined;
    if (element !== undefined && isTokenIn(bytes, element.valueStart, element.valueEnd)) {
      if (element.start === sdStart) scanned.sdStart = element.end;
      else if (element.end === sdEnd) scanned.sdEnd = element.start;
      const route = this.#routes.find(bytes, element.valueStart, element.valueEnd);
      return this.#addNew(route, bytes, element.valueStart, element.valueEnd);
    }
    const token = this.#fallback;
    if (token === undefined) {
      this.#fault("no_token", bytes);
      return undefined;
    }
    const record = this.#fallbackRecord ?? this.#peek(token);
    if (record === undefined) return this.#addWhenFound(token, bytes);
    if (record === null) this.#fault("unknown_token", bytes);
    else {
      this.#fallbackRecord = record;
      this.#place(record, bytes);
    }
    return undefined;
  }

  // Adds the first frame in this sorting of the token [tokenStart, tokenEnd).
  #addNew(
    route: Route | undefined,
    bytes: Uint8Array,
    tokenStart: number,
    tokenEnd: number,
  ): Promise<void> | undefined {
    const token = route?.token ?? tokenOfSpelling(latin1Of(bytes, tokenStart, tokenEnd));
    const record = this.#peek(token);
    if (record === undefined) return this.#addWhenFound(token, bytes);
    if (record === null) {
      if (route !== undefined) this.#routes.forget(route);
      this.#fault("unknown_token", bytes);
      return undefined;
    }
    // A record that was read from the store may have changed since, so it is valid for this sorting only.
    const version = this.#found?.token === token ? Number.NaN : this.#tokens.version;
    if (route !== undefined) Object.assign(route, { record, sorting: this.#id, version });
    const known = route ?? this.#routes.keep(bytes, tokenStart, tokenEnd, record, this.#id, version);
    this.#placeRouted(known, bytes);
    return undefined;
  }

  #placeRouted({ name, record, version }: Route, bytes: Uint8Array): void {
    this.#place(record, bytes);
    // A record of an earlier version is good for the rest of this sorting, and for nobody else.
    if (version === this.#tokens.version && !isMarked(record)) this.#target.knows?.(name, record);
  }

  #peek(token: string): TokenRecord | null | undefined {
    return this.#found?.token === token ? this.#found.record : this.#tokens.peek(token);
  }

  async #addWhenFound(token: string, bytes: Uint8Array): Promise<void> {
    const frame = Buffer.from(bytes.subarray(scanned.start, scanned.end)); // the caller's bytes are only valid in this turn
    // A token whose record is unreadable counts as unknown, so that the frames of others behind it are not held up.
    const record = (await unlessUnreadable(this.#tokens.find(token))) ?? null;
    this.#found = { token, record };
    this.add(frame, 0, frame.length); // another frame may have been scanned in between
    this.#found = undefined;
  }

  // True when one of our drains sent the scanned frame, whichever way it came back.
  #isLoop(bytes: Uint8Array): boolean {
    const drainToken = latin1Of(
      bytes,
      scanned.hostStart,
      Math.min(scanned.hostEnd, scanned.hostStart + tokenBytes),
    );
    if (!this.#loops.isOurs(drainToken)) return false;
    const process = latin1Of(bytes, scanned.processStart, scanned.processEnd);
    this.#loops.refused(drainToken, process === noticeProcess);
    this.#fault("drain_loop", bytes);
    return true;
  }

  #fault(cause: Cause, bytes: Uint8Array): void {
    this.faults.add(cause, bytes, scanned.start, scanned.end);
  }

  // Adds the scanned frame.
  #place(record: TokenRecord, bytes: Uint8Array): void {
    this.placed++;
    if (scanned.kind === "text") this.#fault("unreadable", bytes);
    if (!isMarked(record)) {
      this.#target.place(record, record.source, bytes, scanned, this.#nowMs);
      return;
    }
    const source = record.keepSource === true ? sourceOf(record, bytes, scanned) : record.source;
    const frame = markedFrame(record, bytes, scanned);
    scanHeader(frame, 0, frame.length, scanned, this.#nowMs);
    this.#target.place(record, source, frame, scanned, this.#nowMs);
  }
}

/** Keeps lines by channel until they are taken. */
class KeptLines implements LineTarget {
  readonly #channels = new Map<ChannelId, Canoniser>();
  /** The memory that they take. */
  roomBytes = 0;

  place(
    { channel, token }: TokenRecord,
    source: string,
    bytes: Uint8Array,
    header: SyslogHeader,
    nowMs: number,
  ): void {
    let canoniser = this.#channels.get(channel);
    if (canoniser === undefined) {
      // Just large enough for the first frame: in a body of a busy router, most channels have one line.
      const room = Buffer.allocUnsafe(header.end - header.start + source.length + headBytesMax);
      this.#channels.set(channel, (canoniser = new Canoniser(source, room, token, true)));
      this.roomBytes += channelBytes + canoniser.roomBytes;
    }
    const before = canoniser.roomBytes;
    canoniser.addScanned(bytes, header, nowMs, originOf(source, token));
    this.roomBytes += canoniser.roomBytes - before;
  }

  take(): Map<ChannelId, readonly CanonicalLines[]> {
    const parts = new Map<ChannelId, readonly CanonicalLines[]>();
    for (const [channel, canoniser] of this.#channels) parts.set(channel, canoniser.takeParts());
    this.#channels.clear();
    return parts;
  }
}

const isTokenIn = (bytes: Uint8Array, start: number, end: number): boolean =>
  isTokenAt(bytes, start, end) || isShortTokenAt(bytes, start, end);

const latin1Of = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
