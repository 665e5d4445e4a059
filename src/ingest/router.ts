/**
 * Sorts frames by the token in their APPNAME into canonical lines of each channel: TCP, and HTTP with a credential
 * that may write to every channel (`logplex.md` §4.3). No string is made for a line whose token is known.
 */
import type { CanonicalLines } from "../core/batch.ts";
import { appNameOf, Canoniser } from "../core/canonical.ts";
import type { ChannelId, Token } from "../core/ids.ts";
import { toRfc5424 } from "../core/lines.ts";
import type { TokenRecord } from "../registry/records.ts";

/** What ingest needs of the token registry. */
export type TokenLookup = {
  /** From memory: null is known to be unknown, undefined is not known here. */
  peek(token: string): TokenRecord | null | undefined;
  find(token: string): Promise<TokenRecord | undefined>;
};

/** A token that frames named, as bytes and text. `record` holds for the sorting that looked last. */
type Route = {
  readonly name: Uint8Array;
  readonly token: Token;
  record: TokenRecord | null;
  sorting: number;
};

/** A channel's lines of one sorting; a stretch is of one source, so that lines of two sources keep their order. */
type Stretches = { readonly done: CanonicalLines[]; source: string; open: Canoniser };

const tokenBytesMax = 64;
const none: readonly Route[] = [];
const letterT = 0x74;
const dot = 0x2e;

/** Remembers tokens by their bytes. */
export class FrameRouter {
  readonly #tokens: TokenLookup;
  readonly #tokensMax: number;
  readonly #routes = new Map<number, Route[]>();
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

  /** The route of the token [start, end), for a `Sorting`. */
  route(bytes: Uint8Array, start: number, end: number): Route {
    const hash = hashOf(bytes, start, end);
    for (const route of this.#routes.get(hash) ?? none)
      if (isEqual(route.name, bytes, start, end)) return route;
    if (this.#count >= this.#tokensMax) {
      this.#routes.clear(); // those still in use come back by themselves
      this.#count = 0;
    }
    const name = Buffer.from(bytes.subarray(start, end));
    const route: Route = { name, token: name.toString("latin1") as Token, record: null, sorting: 0 };
    this.#routes.set(hash, [...(this.#routes.get(hash) ?? none), route]);
    this.#count++;
    return route;
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
    const name = appNameOf(bytes, start, end);
    if (name === undefined || !isTokenLike(bytes, name.start, name.end)) {
      this.malformed++;
      return undefined;
    }
    const route = this.#router.route(bytes, name.start, name.end);
    if (route.sorting !== this.#id) {
      const record = this.#tokens.peek(route.token);
      if (record === undefined) return this.#addWhenFound(route, bytes, start, end);
      route.record = record;
      route.sorting = this.#id;
    }
    this.#place(route.record, bytes, start, end);
    return undefined;
  }

  /** The lines of each channel in order, in batches of one form. */
  take(): Map<ChannelId, CanonicalLines[]> {
    const lines = new Map<ChannelId, CanonicalLines[]>();
    for (const [channel, { done, open }] of this.#channels) lines.set(channel, [...done, open.take()]);
    this.#channels.clear();
    return lines;
  }

  async #addWhenFound(route: Route, bytes: Uint8Array, start: number, end: number): Promise<void> {
    route.record = (await this.#tokens.find(route.token)) ?? null;
    route.sorting = this.#id;
    this.#place(route.record, bytes, start, end);
  }

  #place(record: TokenRecord | null, bytes: Uint8Array, start: number, end: number): void {
    if (record === null) {
      this.unknown++;
      return;
    }
    let stretches = this.#channels.get(record.channel);
    if (stretches === undefined) {
      stretches = { done: [], source: record.source, open: canoniser(record, start, end) };
      this.#channels.set(record.channel, stretches);
    } else if (stretches.source !== record.source) {
      stretches.done.push(stretches.open.take());
      stretches.source = record.source;
      stretches.open = canoniser(record, start, end);
    }
    stretches.open.add(bytes, start, end, this.#nowMs);
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
const canoniser = ({ source }: TokenRecord, start: number, end: number): Canoniser =>
  new Canoniser(source, Buffer.allocUnsafe(end - start + source.length + 16));

const isTokenLike = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start > 2 && end - start <= tokenBytesMax && bytes[start] === letterT && bytes[start + 1] === dot;

// FNV-1a, 32 bits.
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}

function isEqual(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
