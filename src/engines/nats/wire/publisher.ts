/**
 * Publishes to streams. The acknowledgements of all publishes come to one inbox and are matched here, so thousands
 * can be under way on one connection. A publish without an answer is repeated under the same message id, which the
 * server stores once.
 */
import { createInbox, type Msg } from "nats";
import type { Clock } from "../../../ports.ts";
import { plainAcknowledgement } from "./acknowledgement.ts";
import { PublishSlots } from "./publish-slots.ts";
import type { Wire } from "./wire.ts";

export type Publish = {
  readonly subject: string;
  /** In pieces, which must not change until the publish is answered. */
  readonly payload: readonly Uint8Array[];
  /** `Nats-Msg-Id`. */
  readonly id: string;
  /** The expected last sequence of the subject; 0: it has no message. */
  readonly expected: number;
  /** `KV-Operation`. */
  readonly operation?: "DEL" | undefined;
  /** `Tailrace-Put`: tells this put from others with the same id. */
  readonly put?: string | undefined;
};

/** The server's answer. `attempts`: how often the message was published before it came. */
export type Published =
  | { readonly kind: "stored"; readonly sequence: number; readonly attempts: number }
  | { readonly kind: "duplicate"; readonly sequence: number; readonly attempts: number }
  | { readonly kind: "conflict"; readonly attempts: number }
  | { readonly kind: "failed"; readonly full: boolean; readonly cause: Error };

type Pending = Publish & {
  readonly bytes: number;
  readonly token: string;
  readonly giveUpAtMs: number;
  readonly answered: (published: Published) => void;
  sentAtMs: number;
  attempts: number;
  /** Its bytes count as under way. Between two attempts they do not: a stream without a leader holds up no other. */
  isUnderWay: boolean;
  /** The last error of the server for an attempt that is repeated. */
  refusal: string;
};

/** A payload of so few bytes is little: it does not wait for larger ones. */
const littleBytesMax = 16 * 1024;
/** Payloads that are published and not answered: little ones, and larger ones. */
const littleInFlightMax = 4 * 1024 * 1024;
const largeInFlightMax = 1024 * 1024;
/** A publish is repeated after this long without an answer. */
const attemptMsMax = 2000;
/** A stream without a leader answers at once that nobody is listening. */
const nobodyPauseMs = 200;
const tickMs = 100;

const wrongLastSequence = new Set([10071, 10164]);
const noRoom = new Set([10002, 10023, 10028, 10047, 10077]);

export class Publisher {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #inbox = `${createInbox()}.`;
  readonly #unsubscribe: () => void;
  /** Those that were sent and have no answer yet, by their tokens. */
  readonly #pending = new Map<string, Pending>();
  /** Those that wait for room, for their first attempt or another, and have time left. */
  readonly #waiting = new Set<Pending>();
  readonly #little = new PublishSlots<Pending>(littleInFlightMax, (pending) => this.#begin(pending));
  readonly #large = new PublishSlots<Pending>(largeInFlightMax, (pending) => this.#begin(pending));
  #tokens = 0;
  #isTicking = false;
  readonly #closing = new AbortController();
  readonly #forget: () => void;

  constructor(wire: Wire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
    this.#unsubscribe = wire.subscribe(`${this.#inbox}*`, (msg) => this.#answered(msg));
    // Publishes may be lost with the old connection; the id makes it safe to repeat them.
    this.#forget = wire.onReconnect(() => {
      for (const pending of [...this.#pending.values()]) if (pending.isUnderWay) this.#send(pending);
    });
  }

  /** Resolves with the server's answer, at the latest `forMs` from now. Never rejects. */
  publish(publish: Publish, forMs: number): Promise<Published> {
    return new Promise((resolve) => this.send(publish, forMs, resolve));
  }

  /** The same without a promise: `answered` is called once, and must not throw. */
  send(publish: Publish, forMs: number, answered: (published: Published) => void): void {
    const { subject, payload, id, expected, operation, put } = publish;
    const pending: Pending = {
      subject,
      payload,
      id,
      expected,
      operation,
      put,
      answered,
      bytes: bytesOf(payload),
      token: (this.#tokens++).toString(36),
      giveUpAtMs: this.#clock.monotonicMs() + forMs,
      sentAtMs: 0,
      attempts: 0,
      isUnderWay: false,
      refusal: "",
    };
    if (this.#closing.signal.aborted) {
      answered(failed("the connection is closed"));
      return;
    }
    this.#queue(pending);
    if (!this.#isTicking) void this.#ticking();
  }

  /** Idempotent. Answers all publishes under way with a failure. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#forget();
    const unanswered = new Set([...this.#pending.values(), ...this.#waiting]);
    this.#pending.clear();
    this.#waiting.clear();
    for (const { answered } of unanswered) answered(failed("the connection is closed"));
    this.#unsubscribe();
  }

  #slotsOf({ bytes }: Pending): PublishSlots<Pending> {
    return bytes <= littleBytesMax ? this.#little : this.#large;
  }

  #queue(pending: Pending): void {
    this.#waiting.add(pending);
    this.#slotsOf(pending).add(pending);
  }

  #begin(pending: Pending): void {
    pending.isUnderWay = true;
    if (this.#waiting.delete(pending)) this.#send(pending);
    else this.#makeRoom(pending); // it was answered before, or its time was over
  }

  #makeRoom(pending: Pending): void {
    if (!pending.isUnderWay) return;
    pending.isUnderWay = false;
    this.#slotsOf(pending).end(pending);
  }

  #send(pending: Pending): void {
    pending.sentAtMs = this.#clock.monotonicMs();
    this.#pending.set(pending.token, pending);
    // A disconnected client would buffer the bytes and then drop them, so they are published again at the reconnect.
    if (!this.#wire.connected) return;
    pending.attempts++;
    const { subject, payload, id, expected, operation, put } = pending;
    let headers = `Nats-Msg-Id: ${id}\r\nNats-Expected-Last-Subject-Sequence: ${expected}\r\n`;
    if (operation !== undefined) headers += `KV-Operation: ${operation}\r\n`;
    if (put !== undefined) headers += `Tailrace-Put: ${put}\r\n`;
    try {
      this.#wire.publishPieces({ subject, reply: this.#inbox + pending.token, headers, payload });
    } catch (cause) {
      this.#settle(pending, { kind: "failed", full: false, cause: cause as Error });
    }
  }

  #answered(msg: Msg): void {
    const pending = this.#pending.get(msg.subject.slice(this.#inbox.length));
    if (pending === undefined) return;
    if (msg.data.length === 0) {
      // 503, nobody is listening: the stream has no leader at the moment. The next tick publishes again.
      this.#later(pending, "the stream has no leader");
      return;
    }
    const { attempts } = pending;
    const sequence = plainAcknowledgement(msg.data);
    if (sequence !== undefined) {
      this.#settle(pending, { kind: "stored", sequence, attempts });
      return;
    }
    const answer = JSON.parse(msg.string()) as {
      seq?: number;
      duplicate?: boolean;
      error?: { code: number; err_code?: number; description?: string };
    };
    if (answer.error === undefined && answer.seq === 0) {
      // Servers of 2.10 answer a repeat like this while they do not know yet whether the first attempt is stored.
      this.#later(pending, "its first attempt is under way");
    } else if (answer.error === undefined && answer.seq !== undefined) {
      this.#settle(pending, {
        kind: answer.duplicate ? "duplicate" : "stored",
        sequence: answer.seq,
        attempts,
      });
    } else {
      const errorCode = answer.error?.err_code ?? 0;
      if (wrongLastSequence.has(errorCode)) this.#settle(pending, { kind: "conflict", attempts });
      else this.#refused(pending, noRoom.has(errorCode), answer.error?.description ?? "unknown");
    }
  }

  // A server that is full, or cannot store now, may be able to in a moment; until the time is up, it is asked again.
  #refused(pending: Pending, full: boolean, reason: string): void {
    if (full)
      this.#settle(pending, { kind: "failed", full, cause: new Error(`NATS refused a message: ${reason}`) });
    else this.#later(pending, reason);
  }

  #later(pending: Pending, refusal: string): void {
    pending.refusal = refusal;
    pending.sentAtMs = this.#clock.monotonicMs() - attemptMsMax + nobodyPauseMs;
    this.#makeRoom(pending);
  }

  #settle(pending: Pending, published: Published): void {
    if (!this.#pending.delete(pending.token)) return;
    this.#waiting.delete(pending);
    pending.answered(published);
    this.#makeRoom(pending);
  }

  async #ticking(): Promise<void> {
    this.#isTicking = true;
    while (this.#pending.size > 0 || this.#waiting.size > 0) {
      await this.#clock.sleep(tickMs, this.#closing.signal);
      this.#tick();
    }
    this.#isTicking = false;
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const pending of [...this.#pending.values()]) {
      if (nowMs >= pending.giveUpAtMs) {
        this.#settle(
          pending,
          failed(`no acknowledgement after ${pending.attempts} attempts ${pending.refusal}`),
        );
      } else if (this.#isToBeRepeated(pending, nowMs)) {
        this.#makeRoom(pending);
        this.#queue(pending);
      }
    }
    for (const pending of this.#waiting) {
      if (nowMs < pending.giveUpAtMs) continue;
      this.#waiting.delete(pending);
      pending.answered(failed("too much waits to be published"));
    }
  }

  #isToBeRepeated(pending: Pending, nowMs: number): boolean {
    return this.#wire.connected && !this.#waiting.has(pending) && nowMs - pending.sentAtMs >= attemptMsMax;
  }
}

const bytesOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, { length }) => sum + length, 0);

const failed = (reason: string): Published => ({ kind: "failed", full: false, cause: new Error(reason) });
