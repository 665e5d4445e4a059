/**
 * The `:id` of a session's URL contains everything that it permits, and is signed. It is the only credential, needs
 * no store, and works on every tail node that knows the secret (docs/spec/sessions.md#s2-1).
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import type { FilterSpec } from "../core/filter/line-filter.ts";
import type { LineFormat } from "../core/format/format.ts";
import { type ChannelId, isUuid } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import { sessionTooLong } from "../errors/tails.ts";
import type { Clock } from "../ports.ts";
import { operatorKeyId } from "../registry/keys.ts";
import type { Around } from "./around.ts";

/**
 * The lines of a session: the newest `lines` that pass the filter, or all of them, since `sinceMs` or ever; then live
 * ones if it tails.
 */
export type SessionSpec = {
  /** The id of the key that asked for the session, which ends when that key may no longer read the channel. */
  readonly keyId: string;
  readonly channel: ChannelId;
  readonly lines?: number;
  readonly tail: boolean;
  readonly sinceMs?: number;
  /** Lines that were accepted later are not shown. */
  readonly untilMs?: number;
  /** With a filter and `lines`: shows the neighbours of found lines too. */
  readonly around?: Around;
  /** The newest lines before this place, and no live ones. */
  readonly before?: Position;
  readonly filter: FilterSpec;
  readonly format: LineFormat;
  /** An event stream says how much of the log was looked at. */
  readonly progress?: boolean;
};

/** How long after its issue a URL can be opened, as in logplex. */
export const openingMsMax = 360_000;
/** How long after its issue a URL can be opened again by a reader that says where it was. */
export const resumingMsMax = 86_400_000;
/** The longest id that is accepted: filters of a few patterns fit, and the request line does not overflow. */
export const sessionIdCharsMax = 8192;

// issued at, nonce, channel, lines, tail, since, filter, format, key, progress, until, around and before
type Payload = readonly [
  number,
  string,
  ChannelId,
  number | null,
  0 | 1,
  number | null,
  FilterSpec,
  LineFormat,
  string,
  (0 | 1)?,
  Pick<SessionSpec, "untilMs" | "around" | "before">?,
];

/** Issues and reads session ids. Stateless: any number of nodes with one `secret` agree. */
export class SessionUrls {
  /** Created once: creating a key for each signature takes five times as long as the rest. */
  readonly #secret: KeyObject;
  readonly #clock: Clock;
  /** Represents the operator's key, whose id never changes: with another secret, its sessions end. */
  readonly #operatorMark: string;

  /**
   * `secret`: at least 16 random bytes, the same on every node and after a restart. `operatorSecret`: the operator's
   * key.
   */
  constructor(options: { secret: Buffer; clock: Clock; operatorSecret: string }) {
    this.#secret = createSecretKey(options.secret);
    this.#clock = options.clock;
    this.#operatorMark = this.#hmac("operator.", options.operatorSecret).toString("base64url");
  }

  /**
   * An id for `spec` that cannot be guessed and is different each time. Throws `sessionTooLong` if its filter is too
   * long.
   */
  issue(spec: SessionSpec): string {
    const payload: Payload = [
      this.#clock.nowMs(),
      randomBytes(9).toString("base64url"),
      spec.channel,
      spec.lines ?? null,
      spec.tail ? 1 : 0,
      spec.sinceMs ?? null,
      spec.filter,
      spec.format,
      spec.keyId === operatorKeyId ? this.#operatorMark : spec.keyId,
      spec.progress ? 1 : 0,
      {
        ...(spec.untilMs !== undefined && { untilMs: spec.untilMs }),
        ...(spec.around && { around: spec.around }),
        ...(spec.before !== undefined && { before: spec.before }),
      },
    ];
    const text = Buffer.from(JSON.stringify(payload)).toString("base64url");
    const id = `${text}.${this.#hmac("session.", text).toString("base64url")}`;
    if (id.length > sessionIdCharsMax) throw sessionTooLong();
    return id;
  }

  /**
   * The session that the id permits; undefined when it was not issued with this secret, or is too old. Does not check
   * whether its key may still read. `resuming`: the reader says where it was, so it is a tail that reconnects.
   */
  read(id: string, { resuming }: { resuming: boolean }): SessionSpec | undefined {
    if (id.length > sessionIdCharsMax) return undefined;
    const [text, signature, ...more] = id.split(".");
    if (text === undefined || signature === undefined || more.length > 0) return undefined;
    const given = Buffer.from(signature, "base64url");
    const expected = this.#hmac("session.", text);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const payload = JSON.parse(Buffer.from(text, "base64url").toString()) as Payload; // the signature shows that we wrote it
    const [issuedAtMs, , channel, lines, tail, sinceMs, filter, format, key, progress, extent] = payload;
    const ageMs = this.#clock.nowMs() - issuedAtMs;
    if (ageMs > (resuming ? resumingMsMax : openingMsMax) || !isUuid(channel)) return undefined;
    const keyId = key === this.#operatorMark ? operatorKeyId : key;
    if (!isUuid(keyId)) return undefined; // another operator's, or from a version whose sessions named no key
    return {
      keyId,
      channel,
      ...(lines !== null && { lines }),
      tail: tail === 1,
      ...(sinceMs !== null && { sinceMs }),
      filter,
      format,
      ...(progress === 1 && { progress: true }),
      ...extent,
    };
  }

  #hmac(purpose: string, text: string): Buffer {
    return createHmac("sha256", this.#secret).update(purpose).update(text).digest();
  }
}
