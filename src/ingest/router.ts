/**
 * Sorts frames by the token in their APPNAME into canonical lines of each channel: TCP, and HTTP with a credential
 * that may write to every channel (`logplex.md` §4.3). No string is made for a line whose token is known.
 */
import type { CanonicalLines } from "../core/batch.ts";
import { Canoniser } from "../core/canonical.ts";
import type { ChannelId, Token } from "../core/ids.ts";
import { toRfc5424 } from "../core/lines.ts";
import { SyslogHeader, scanHeader } from "../core/syslog.ts";
import { isTokenAt, tokenBytes } from "../core/token-mask.ts";
import type { TokenRecord } from "../registry/records.ts";

/** What ingest needs of the token registry. */
export type TokenLookup = {
  /** From memory: null is known to be unknown, undefined is not known here. */
  peek(token: string): TokenRecord | null | undefined;
  find(token: string): Promise<TokenRecord | undefined>;
};

/** A known token that frames named, as bytes and text. `record` holds for the sorting that looked last. */
type Route = {
  readonly name: Uint8Array;
  readonly token: Token;
  record: TokenRecord;
  sorting: number;
};

/** A channel's lines of one sorting; a stretch is of one source, so that lines of two sources keep their order. */
type Stretches = { readonly done: CanonicalLines[]; source: string; open: Canoniser };

const none: readonly Route[] = [];
/** Length, PRI, time, host and nil values of a canonical line. */
const headBytesMax = 64;
const letterT = 0x74;
const dot = 0x2e;
const scanned = new SyslogHeader(); // of the frame that is being added

/**
 * Remembers known tokens by their bytes. Those are random and made here, so nobody can choose some that collide; what
 * strangers send is never kept.
 */
export class FrameRouter {
  readonly #tokens: TokenLookup;
  readonly #tokensMax: number;
  readonly #routes = new Map<number, Route[]>();
  #newest: Route | undefined;
  #count = 0;
  #sortings = 0;

  constructor(options: { readonly tokens: TokenLookup; readonly tokensMax: number }) {
    this.#tokens = options.tokens;
    this.#tokensMax = options.tokensMax;
  }

  /** Starts to sort the frames of one read or one body; each of its tokens is looked at once. */
  sort(nowMs: number): Sorting {
    return new Sorting(this, this.#tokens, ++this.#sortings, nowMs);
  }

  /** The route of the token at `start`, for a `Sorting`; undefined when it is not remembered. */
  find(bytes: Uint8Array, start: number): Route | undefined {
    const newest = this.#newest;
    if (newest !== undefined && isEqual(newest.name, bytes, start)) return newest;
    for (const route of this.#routes.get(hashOf(bytes, start)) ?? none)
      if (isEqual(route.name, bytes, start)) return (this.#newest = route);
    return undefined;
  }

  /** Remembers a known token, which is at `start`. */
  keep(bytes: Uint8Array, start: number, record: TokenRecord, sorting: number): Route {
    if (this.#count >= this.#tokensMax) this.#forgetAll(); // those still in use come back by themselves
    const name = Buffer.allocUnsafeSlow(tokenBytes); // memory of its own: a pool would be held by one name of it
    name.set(bytes.subarray(start, start + tokenBytes));
    const route: Route = { name, token: name.toString("latin1") as Token, record, sorting };
    const hash = hashOf(name, 0);
    this.#routes.set(hash, [...(this.#routes.get(hash) ?? none), route]);
    this.#count++;
    return (this.#newest = route);
  }

  /** For a token that was revoked. */
  forget({ name }: Route): void {
    this.#newest = undefined;
    const hash = hashOf(name, 0);
    const left = (this.#routes.get(hash) ?? none).filter((route) => route.name !== name);
    if (left.length === 0) this.#routes.delete(hash);
    else this.#routes.set(hash, left);
    this.#count--;
  }

  #forgetAll(): void {
    this.#routes.clear();
    this.#newest = undefined;
    this.#count = 0;
  }
}

/** The frames of one read or one body on their way to their channels. */
export class Sorting {
  /** Frames without a token in APPNAME. */
  malformed = 0;
  /** Frames whose token nobody knows. */
  unknown = 0;
  readonly #router: FrameRouter;
  readonly #tokens: TokenLookup;
  readonly #id: number;
  readonly #nowMs: number;
  readonly #channels = new Map<ChannelId, Stretches>();

  constructor(router: FrameRouter, tokens: TokenLookup, id: number, nowMs: number) {
    this.#router = router;
    this.#tokens = tokens;
    this.#id = id;
    this.#nowMs = nowMs;
  }

  /**
   * Adds the frame [start, end), copying it. A promise means that its token has to be read from the store first: the
   * frame is added when it resolves, and not at all when it rejects. Add no other frame before that.
   */
  add(bytes: Uint8Array, start: number, end: number): Promise<void> | undefined {
    scanHeader(bytes, start, end, scanned, this.#nowMs);
    const { appStart, appEnd } = scanned;
    if (appEnd - appStart !== tokenBytes || bytes[appStart] !== letterT || bytes[appStart + 1] !== dot) {
      this.malformed++;
      return undefined;
    }
    const route = this.#router.find(bytes, appStart);
    if (route !== undefined && route.sorting === this.#id) {
      this.#place(route.record, bytes, end);
      return undefined;
    }
    return this.#addNew(route, bytes, start, end);
  }

  /** The lines of each channel in order, in batches of one form. */
  take(): Map<ChannelId, CanonicalLines[]> {
    const lines = new Map<ChannelId, CanonicalLines[]>();
    for (const [channel, { done, open }] of this.#channels) lines.set(channel, [...done, open.take()]);
    this.#channels.clear();
    return lines;
  }

  // The first frame of its token in this sorting.
  #addNew(
    route: Route | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Promise<void> | undefined {
    const { appStart, appEnd } = scanned;
    if (route === undefined && !isTokenAt(bytes, appStart, appEnd)) {
      this.malformed++;
      return undefined;
    }
    const token = route?.token ?? latin1Of(bytes, appStart, appEnd);
    const record = this.#tokens.peek(token);
    if (record === undefined) return this.#addWhenFound(token, bytes, start, end);
    this.#placeFound(record, bytes, end);
    return undefined;
  }

  async #addWhenFound(token: string, bytes: Uint8Array, start: number, end: number): Promise<void> {
    const record = (await this.#tokens.find(token)) ?? null;
    scanHeader(bytes, start, end, scanned, this.#nowMs); // others may have scanned in between
    this.#placeFound(record, bytes, end);
  }

  #placeFound(record: TokenRecord | null, bytes: Uint8Array, end: number): void {
    const route = this.#router.find(bytes, scanned.appStart);
    if (record === null) {
      if (route !== undefined) this.#router.forget(route);
      this.unknown++;
      return;
    }
    if (route === undefined) this.#router.keep(bytes, scanned.appStart, record, this.#id);
    else Object.assign(route, { record, sorting: this.#id });
    this.#place(record, bytes, end);
  }

  // The frame that was scanned.
  #place(record: TokenRecord, bytes: Uint8Array, end: number): void {
    let stretches = this.#channels.get(record.channel);
    if (stretches === undefined) {
      stretches = { done: [], source: record.source, open: canoniser(record, end - scanned.appStart) };
      this.#channels.set(record.channel, stretches);
    } else if (stretches.source !== record.source) {
      stretches.done.push(stretches.open.take());
      stretches.source = record.source;
      stretches.open = canoniser(record, end - scanned.appStart);
    }
    stretches.open.addScanned(bytes, end, scanned, this.#nowMs);
  }
}

/** One batch of several, in order; those of form `logplex` become `rfc5424` when one of them is. */
export function joinLines(stretches: readonly CanonicalLines[], frameId?: string): CanonicalLines {
  const form = stretches.some((lines) => lines.form === "rfc5424") ? "rfc5424" : "logplex";
  const parts = form === "rfc5424" ? stretches.map(toRfc5424) : stretches;
  let count = 0;
  for (const part of parts) count += part.count;
  const bytes = parts.length === 1 ? parts[0]!.bytes : Buffer.concat(parts.map((part) => part.bytes));
  return { bytes, count, form, ...(frameId !== undefined && { frameId }) };
}

// Just large enough for a first frame: most channels of a busy router have one line in a read.
const canoniser = ({ source, token }: TokenRecord, bytesFromAppName: number): Canoniser =>
  new Canoniser(source, Buffer.allocUnsafe(bytesFromAppName + source.length + headBytesMax), token);

const latin1Of = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");

// The last eight digits of a token are random bits already.
function hashOf(bytes: Uint8Array, start: number): number {
  let hash = 0;
  for (let at = start + tokenBytes - 8; at < start + tokenBytes; at++)
    hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return hash;
}

function isEqual(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = tokenBytes - 1; i >= 0; i--) if (name[i] !== bytes[start + i]) return false;
  return true;
}
