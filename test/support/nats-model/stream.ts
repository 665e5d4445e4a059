/** One stream of JetStream in memory: what is stored, what is refused, what its limits take. */
import { type MsgHdrs, headers as newHeaders } from "nats";
import type { Wanted } from "../../../src/engines/nats/streams.ts";

export type Stored = {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  readonly atMs: number;
};

/** The body of a PubAck. */
type PubAck =
  | { readonly stream: string; readonly seq: number; readonly duplicate?: true }
  | { readonly error: { readonly code: number; readonly err_code: number; readonly description: string } };

/** What a message costs besides its payload. */
const overheadBytes = 64;

export class ModelStream {
  readonly config: Wanted;
  lastSequence = 0;
  readonly #nowMs: () => number;
  #messages: Stored[] = [];
  #bytes = 0;
  readonly #ids = new Map<string, Stored>();

  constructor(config: Wanted, nowMs: () => number) {
    this.config = config;
    this.#nowMs = nowMs;
  }

  takes(subject: string): boolean {
    return this.config.subjects!.some((pattern) => matches(pattern, subject));
  }

  /** Stores a message, or says why not. */
  publish(subject: string, payload: Uint8Array, headers = newHeaders()): { ack: PubAck; stored?: Stored } {
    const id = headers.get("Nats-Msg-Id");
    const known = this.#knownIds().get(id);
    const stream = this.config.name;
    if (known !== undefined) return { ack: { stream, seq: known.sequence, duplicate: true } };
    const expected = headers.get("Nats-Expected-Last-Subject-Sequence");
    if (expected !== "" && Number(expected) !== (this.last(subject)?.sequence ?? 0)) {
      return { ack: { error: { code: 400, err_code: 10071, description: "wrong last sequence" } } };
    }
    const stored = { sequence: ++this.lastSequence, subject, payload, headers, atMs: this.#nowMs() };
    this.#messages.push(stored);
    this.#bytes += payload.length + overheadBytes;
    if (id !== "") this.#ids.set(id, stored);
    if (this.config.max_msgs_per_subject === 1) this.purge(subject, stored.sequence);
    return { ack: { stream, seq: stored.sequence }, stored };
  }

  /** The last message of a subject. */
  last(subject: string): Stored | undefined {
    return this.#kept().findLast((message) => message.subject === subject);
  }

  at(sequence: number): Stored | undefined {
    const found = this.#kept()[this.#indexOf(sequence)];
    return found?.sequence === sequence ? found : undefined;
  }

  /** The first message at or after `sequence` whose subject matches. */
  next(sequence: number, pattern: string): Stored | undefined {
    const messages = this.#kept();
    for (let at = this.#indexOf(sequence); at < messages.length; at++) {
      if (matches(pattern, messages[at]!.subject)) return messages[at];
    }
    return undefined;
  }

  /** The number of messages at or after `sequence`. */
  pending(sequence: number, pattern: string): number {
    return this.#kept()
      .slice(this.#indexOf(sequence))
      .filter(({ subject }) => matches(pattern, subject)).length;
  }

  /** The sequence of the first message that was stored then or later. */
  since(timeMs: number): number {
    return this.#kept().find(({ atMs }) => atMs >= timeMs)?.sequence ?? this.lastSequence + 1;
  }

  /** Removes the messages of a subject that lie before `before`. */
  purge(pattern: string, before = Number.POSITIVE_INFINITY): void {
    const isKept = ({ subject, sequence }: Stored) => sequence >= before || !matches(pattern, subject);
    this.#messages = this.#messages.filter(isKept);
    this.#bytes = this.#messages.reduce((sum, { payload }) => sum + payload.length + overheadBytes, 0);
  }

  /** Loses messages, as a damaged file of a real server does. */
  lose(sequences: ReadonlySet<number>): void {
    this.#messages = this.#messages.filter(({ sequence }) => !sequences.has(sequence));
  }

  /** The messages that age and the bytes of all have left. */
  #kept(): readonly Stored[] {
    const { max_age = 0, max_bytes = -1 } = this.config;
    const oldestMs = max_age > 0 ? this.#nowMs() - max_age / 1_000_000 : Number.NEGATIVE_INFINITY;
    let gone = 0;
    for (const { atMs, payload } of this.#messages) {
      if (atMs > oldestMs && (max_bytes < 0 || this.#bytes <= max_bytes)) break;
      this.#bytes -= payload.length + overheadBytes;
      gone++;
    }
    if (gone > 0) this.#messages.splice(0, gone);
    return this.#messages;
  }

  #knownIds(): Map<string, Stored> {
    const sinceMs = this.#nowMs() - this.config.duplicate_window! / 1_000_000;
    for (const [id, { atMs }] of this.#ids) {
      if (atMs > sinceMs) break;
      this.#ids.delete(id);
    }
    return this.#ids;
  }

  /** The index of the first message at or after `sequence`. */
  #indexOf(sequence: number): number {
    let low = 0;
    for (let high = this.#messages.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#messages[middle]!.sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Does the subject match: `*` is one word, `>` all that follow. */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  if (!/[*>]/.test(pattern)) return false;
  const words = subject.split(".");
  const wanted = pattern.split(".");
  for (const [at, word] of wanted.entries()) {
    if (word === ">") return words.length > at;
    if (at >= words.length || (word !== "*" && word !== words[at])) return false;
  }
  return words.length === wanted.length;
}
